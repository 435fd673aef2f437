import { z } from 'zod'
import type { NewDocument } from '../../catalog/catalog.ts'
import type { CollectionId } from '../../core/model.ts'
import type { DocumentBodies } from '../document-bodies.ts'
import { presentReceipt } from '../present/document.ts'
import { type Answer, type Route, type TenantCall, tenantRoute } from '../route.ts'
import { collectionParams } from '../schemas/common.ts'
import { batchAnswer, waitQuery } from '../schemas/document.ts'
import { encodeVersion } from '../version.ts'
import { type WaitQuery, waitIfAsked } from '../wait-indexed.ts'

const TAG = 'Documents'
const about =
  'All or nothing: one fault refuses the whole batch. Follow the job for the outcome of each document.'
const answers = {
  200: { about: 'Stored and settled: each is searchable or failed', schema: batchAnswer },
  202: { about: 'Stored durably; not all settled yet', schema: batchAnswer },
}

/** What both ways of sending many documents have in common. */
const MANY = {
  about,
  scopes: ['ingest'],
  params: collectionParams,
  query: z.strictObject(waitQuery),
  idempotent: true,
  answers,
  handle: writeBatch,
} as const

const batch = ({ batch: body }: DocumentBodies) =>
  tenantRoute({
    method: 'POST',
    path: '/v1/collections/{collection}/documents:batch',
    operation: 'putDocuments',
    tag: TAG,
    summary: 'Add or replace many documents',
    ...MANY,
    body,
  })

const upload = ({ upload: body }: DocumentBodies) =>
  tenantRoute({
    method: 'POST',
    path: '/v1/collections/{collection}/documents',
    operation: 'uploadDocuments',
    tag: TAG,
    summary: 'Upload files',
    ...MANY,
    body,
  })

export const batchRoutes = (bodies: DocumentBodies): readonly Route[] => [
  batch(bodies),
  upload(bodies),
]

type BatchCall = TenantCall<
  { readonly collection: CollectionId },
  WaitQuery,
  readonly NewDocument[]
>

async function writeBatch(call: BatchCall): Promise<Answer> {
  const { deps, tenant, params, query, body } = call
  const { collection } = params
  const { jobId, receipts } = await deps.catalog.documents.put(tenant, collection, body)
  deps.notifyWrite()
  const version = latest(receipts.map((receipt) => receipt.version))
  const indexed = await waitIfAsked(call, query, { tenant, collection, version })
  return {
    status: indexed ? 200 : 202,
    body: {
      job_id: jobId,
      version: encodeVersion(version),
      indexed,
      documents: receipts.map(presentReceipt),
    },
    headers: jobId === null ? {} : { location: `/v1/jobs/${jobId}` },
  }
}

function latest(versions: readonly bigint[]): bigint {
  let last = 0n
  for (const version of versions) if (version > last) last = version
  return last
}
