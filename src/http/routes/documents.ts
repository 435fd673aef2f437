import { z } from 'zod'
import type { Limits } from '../../core/limits.ts'
import type { CollectionId, DocumentId } from '../../core/model.ts'
import { decodeCursor, paginate } from '../cursor.ts'
import type { DocumentBodies } from '../document-bodies.ts'
import { expectedRevision, METADATA_HEADER } from '../document-input.ts'
import { presentContent, presentDocument, presentReceipt } from '../present/document.ts'
import { type Route, tenantRoute } from '../route.ts'
import { collectionParams, documentParams, pageQuery } from '../schemas/common.ts'
import {
  type DocumentSchemas,
  deleteAnswer,
  documentAnswer,
  documentList,
  getQuery,
  stateQuery,
  waitQuery,
  writeAnswer,
} from '../schemas/document.ts'
import { waitIfAsked } from '../wait-indexed.ts'
import { unknownDocument, writeDocument } from '../write-document.ts'

const TAG = 'Documents'
const PATH = '/v1/collections/{collection}/documents/{document}'
const IF_MATCH = { name: 'If-Match', about: 'Write only if this revision is there: `"3"`' }

const put = ({ putQuery }: DocumentSchemas, { single }: DocumentBodies) =>
  tenantRoute({
    method: 'PUT',
    path: PATH,
    operation: 'putDocument',
    tag: TAG,
    summary: 'Add a document or replace it',
    about:
      'As JSON, or as the raw bytes with their own Content-Type. A JSON document goes inside the JSON form, with ' +
      '`media_type: application/json`. The same document again does no work.',
    scopes: ['ingest'],
    params: documentParams,
    query: putQuery,
    headers: [
      IF_MATCH,
      { name: 'If-None-Match', about: '`*`: write only if no such document is there' },
      { name: METADATA_HEADER, about: 'Metadata of a raw body, as JSON' },
    ],
    body: single,
    idempotent: true,
    answers: {
      200: { about: 'Replaced or unchanged, and searchable', schema: writeAnswer },
      201: { about: 'Added, and searchable', schema: writeAnswer },
      202: {
        about: 'Stored durably; not searchable yet, or failed: see `state`',
        schema: writeAnswer,
      },
    },
    handle: writeDocument,
  })

const get = tenantRoute({
  method: 'GET',
  path: PATH,
  operation: 'getDocument',
  tag: TAG,
  summary: 'A document and its state',
  scopes: ['retrieve', 'ingest'],
  params: documentParams,
  query: getQuery,
  answers: { 200: { about: 'The document; `ETag` is its revision', schema: documentAnswer } },
  handle: async ({ deps, tenant, params, query }) => {
    const { collection, document } = params
    const { documents } = deps.catalog
    const found =
      query.content === true
        ? await documents.content(tenant, collection, document)
        : { row: await documents.get(tenant, collection, document), content: null }
    if (found === null || found.row === null) throw unknownDocument(collection, document)
    const { row, content } = found
    const shown = content === null ? {} : presentContent(row, content)
    const body = { ...presentDocument(row), ...shown }
    return { status: 200, body, headers: { etag: `"${row.revision}"` } }
  },
})

const remove = tenantRoute({
  method: 'DELETE',
  path: PATH,
  operation: 'deleteDocument',
  tag: TAG,
  summary: 'Remove a document from every index',
  about: 'Removing what is not there is no error: `outcome` is then `absent`.',
  scopes: ['ingest'],
  params: documentParams,
  query: z.strictObject(waitQuery),
  headers: [IF_MATCH],
  idempotent: true,
  answers: {
    200: { about: 'Gone, and no longer found once `version` is applied', schema: deleteAnswer },
  },
  handle: async (call) => {
    const { deps, tenant, params, headers, query } = call
    const { collection, document } = params
    const expected = expectedRevision(headers)
    const receipt = await deps.catalog.documents.remove(tenant, collection, document, expected)
    deps.notifyWrite()
    await waitIfAsked(call, query, { tenant, collection, version: receipt.version })
    return { status: 200, body: presentReceipt(receipt) }
  },
})

const list = (limits: Limits) =>
  tenantRoute({
    method: 'GET',
    path: '/v1/collections/{collection}/documents',
    operation: 'listDocuments',
    tag: TAG,
    summary: 'Documents in the order of their ids',
    scopes: ['retrieve', 'ingest'],
    params: collectionParams,
    query: pageQuery(limits).extend({ state: stateQuery.optional() }),
    answers: { 200: { about: 'One page', schema: documentList } },
    handle: async ({ deps, tenant, params, query }) => {
      const page = {
        after: decodeCursor(query.cursor) as DocumentId | null,
        count: query.limit + 1,
        state: query.state,
      }
      const found = await deps.catalog.documents.list(
        tenant,
        params.collection as CollectionId,
        page,
      )
      const { rows, nextCursor } = paginate(found, query.limit, ({ id }) => id)
      return {
        status: 200,
        body: { documents: rows.map(presentDocument), next_cursor: nextCursor },
      }
    },
  })

export const documentRoutes = (
  limits: Limits,
  schemas: DocumentSchemas,
  bodies: DocumentBodies,
): readonly Route[] => [put(schemas, bodies), get, remove, list(limits)]
