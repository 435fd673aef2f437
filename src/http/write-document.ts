import type { z } from 'zod'
import type { WriteReceipt } from '../catalog/catalog.ts'
import { QuarryError } from '../core/errors.ts'
import type { CollectionId, DocumentId } from '../core/model.ts'
import { type DocumentInput, documentPath, expectedRevision } from './document-input.ts'
import { presentReceipt } from './present/document.ts'
import type { Answer, TenantCall } from './route.ts'
import type { documentParams } from './schemas/common.ts'
import type { PutQuery } from './schemas/document.ts'
import { waitIfAsked } from './wait-indexed.ts'

type WriteCall = TenantCall<z.output<typeof documentParams>, PutQuery, DocumentInput>

/** Stores one document durably; 200 or 201 once it is searchable, 202 while it is not. */
export async function writeDocument(call: WriteCall): Promise<Answer> {
  const { deps, tenant, params, query, body, headers } = call
  const { collection, document } = params
  const { receipts, jobId } = await deps.catalog.documents.put(tenant, collection, [
    {
      ...body,
      id: document,
      title: body.title ?? query.title ?? null,
      source: body.source ?? query.source ?? null,
      expectedRevision: expectedRevision(headers),
    },
  ])
  const [receipt] = receipts
  if (receipt === undefined) throw new Error('a put of one document gave no receipt')
  deps.notifyWrite()
  const written = { tenant, collection, version: receipt.version }
  const settled = await waitIfAsked(call, query, written)
  const { state, reason } = await stateOf(call, receipt, settled)
  return {
    status: state === 'indexed' ? statusOf(receipt) : 202,
    body: { ...presentReceipt(receipt), state, reason, job_id: jobId },
    headers: { location: documentPath(collection, document), etag: `"${receipt.revision}"` },
  }
}

/** A write that nobody waited for is queued; only one that changed nothing may be searchable already. */
async function stateOf(
  { deps, tenant, params }: WriteCall,
  receipt: WriteReceipt,
  settled: boolean,
): Promise<{ state: string; reason: string | null }> {
  if (!settled && receipt.outcome !== 'unchanged') return { state: 'queued', reason: null }
  const row = await deps.catalog.documents.get(tenant, params.collection, params.document)
  return { state: row?.state ?? 'deleted', reason: row?.reason ?? null }
}

function statusOf({ outcome }: WriteReceipt): number {
  return outcome === 'created' ? 201 : 200
}

/** The same words whether the document, its collection or only this tenant's part of it is missing. */
export function unknownDocument(collection: CollectionId, id: DocumentId): QuarryError {
  return new QuarryError('not_found', `no document "${id}" in collection "${collection}"`)
}
