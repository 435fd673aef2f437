import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { NewGoldenQuery } from '../../catalog/golden-queries.ts'
import { QuarryError } from '../../core/errors.ts'
import type { Limits } from '../../core/limits.ts'
import type { CollectionId, TenantId } from '../../core/model.ts'
import { jsonBody } from '../body.ts'
import { decodeCursor, paginate } from '../cursor.ts'
import type { HttpDeps } from '../deps.ts'
import { presentGolden, presentMissing } from '../present/golden-query.ts'
import { type Route, tenantRoute } from '../route.ts'
import {
  type GoldenSchemas,
  goldenAnswer,
  goldenList,
  goldenPageQuery,
  goldenParams,
  goldenPromoted,
  goldenWritten,
  ofCollection,
  type PutGoldenBody,
} from '../schemas/golden-query.ts'

const PATH = '/v1/golden-queries'
const ONE = `${PATH}/{golden_query}`
const SHARED = { tag: 'Golden queries', scopes: ['eval'] } as const

const create = ({ createBody }: GoldenSchemas) =>
  tenantRoute({
    method: 'POST',
    path: PATH,
    operation: 'createGoldenQuery',
    ...SHARED,
    summary: 'Add a question with its judged documents',
    about: '409 for an id that is taken: PUT replaces.',
    body: jsonBody(createBody, (settings) => settings.retrieveBodyBytes),
    idempotent: true,
    answers: { 201: { about: 'Added', schema: goldenWritten } },
    handle: async ({ deps, tenant, body }) => {
      const { collection, id = generateId(), ...rest } = body
      const golden = newGolden(id, rest, { source: 'manual', retrievalId: null })
      const written = await write(deps, { tenant, collection, onlyNew: true }, golden)
      return { status: 201, body: written.body, headers: { location: pathOf(collection, id) } }
    },
  })

const put = ({ putBody }: GoldenSchemas) =>
  tenantRoute({
    method: 'PUT',
    path: ONE,
    operation: 'putGoldenQuery',
    ...SHARED,
    summary: 'Add or replace a golden query',
    params: goldenParams,
    query: ofCollection,
    body: jsonBody(putBody, (settings) => settings.retrieveBodyBytes),
    idempotent: true,
    answers: {
      200: { about: 'Replaced', schema: goldenWritten },
      201: { about: 'Added', schema: goldenWritten },
    },
    handle: async ({ deps, tenant, params, query, body }) => {
      const golden = newGolden(params.golden_query, body, { source: 'manual', retrievalId: null })
      const written = await write(deps, { tenant, collection: query.collection }, golden)
      return { status: written.created ? 201 : 200, body: written.body }
    },
  })

const get = tenantRoute({
  method: 'GET',
  path: ONE,
  operation: 'getGoldenQuery',
  ...SHARED,
  summary: 'A golden query',
  params: goldenParams,
  query: ofCollection,
  answers: { 200: { about: 'The golden query', schema: goldenAnswer } },
  handle: async ({ deps, tenant, params, query: { collection } }) => {
    const golden = await deps.catalog.goldenQueries.get(tenant, collection, params.golden_query)
    if (golden === null) throw unknown(params.golden_query)
    return { status: 200, body: presentGolden(collection, golden) }
  },
})

const list = (limits: Limits) =>
  tenantRoute({
    method: 'GET',
    path: PATH,
    operation: 'listGoldenQueries',
    ...SHARED,
    summary: 'Golden queries of a collection in the order of their ids',
    query: goldenPageQuery(limits),
    answers: { 200: { about: 'One page', schema: goldenList } },
    handle: async ({ deps, tenant, query }) => {
      const { collection, limit, cursor, tag, source } = query
      const page = { after: decodeCursor(cursor), count: limit + 1, tag, source }
      const found = await deps.catalog.goldenQueries.list(tenant, collection, page)
      const { rows, nextCursor } = paginate(found, limit, ({ id }) => id)
      const shown = rows.map((row) => presentGolden(collection, row))
      return { status: 200, body: { golden_queries: shown, next_cursor: nextCursor } }
    },
  })

const remove = tenantRoute({
  method: 'DELETE',
  path: ONE,
  operation: 'deleteGoldenQuery',
  ...SHARED,
  summary: 'Remove a golden query',
  params: goldenParams,
  query: ofCollection,
  answers: {
    200: {
      about: 'Removed',
      schema: z.strictObject({ id: z.string(), outcome: z.literal('deleted') }),
    },
  },
  handle: async ({ deps, tenant, params, query: { collection } }) => {
    const { golden_query: id } = params
    if (!(await deps.catalog.goldenQueries.remove(tenant, collection, id))) throw unknown(id)
    return { status: 200, body: { id, outcome: 'deleted' } }
  },
})

const promote = ({ promoteBody }: GoldenSchemas) =>
  tenantRoute({
    method: 'POST',
    path: `${PATH}:promote`,
    operation: 'promoteRetrieval',
    ...SHARED,
    summary: 'Make a golden query of a past retrieval and the documents that were right',
    about:
      'A process remembers its latest retrievals, within `limits.recalled_bytes`. One that is not remembered is 404: send `query` as well. The same retrieval again replaces what it was promoted to.',
    body: jsonBody(promoteBody, (settings) => settings.retrieveBodyBytes),
    idempotent: true,
    answers: {
      200: { about: 'Replaced', schema: goldenPromoted },
      201: { about: 'Added', schema: goldenPromoted },
    },
    handle: async ({ deps, tenant, body }) => {
      const { collection, retrieval_id: retrievalId = null, query: given, id, ...rest } = body
      const recalled = retrievalId === null ? null : deps.recent.recall(tenant, retrievalId)
      const query = queryOf({ collection, retrievalId, given }, recalled)
      const golden = newGolden(
        id ?? retrievalId ?? generateId(),
        { ...rest, query },
        { source: 'promoted', retrievalId },
      )
      const written = await write(deps, { tenant, collection }, golden)
      const unjudged = (recalled?.documents ?? []).filter(
        (document) => !Object.hasOwn(rest.relevant, document),
      )
      return {
        status: written.created ? 201 : 200,
        body: { ...written.body, unjudged_documents: unjudged },
        headers: { location: pathOf(collection, golden.id) },
      }
    },
  })

export const goldenRoutes = (limits: Limits, schemas: GoldenSchemas): readonly Route[] => [
  promote(schemas),
  create(schemas),
  put(schemas),
  get,
  list(limits),
  remove,
]

type Recalled = ReturnType<HttpDeps['recent']['recall']>

interface Promotion {
  readonly collection: CollectionId
  readonly retrievalId: string | null
  readonly given: string | undefined
}

function queryOf({ collection, retrievalId, given }: Promotion, recalled: Recalled): string {
  if (recalled !== null && recalled.collection !== collection)
    throw new QuarryError(
      'invalid_request',
      `collection: that retrieval asked "${recalled.collection}", not "${collection}"`,
    )
  if (recalled !== null && given !== undefined && recalled.query !== given)
    throw new QuarryError(
      'invalid_request',
      'query: that retrieval asked something else; leave out "query" or "retrieval_id"',
    )
  const query = recalled?.query ?? given
  if (query !== undefined) return query
  throw new QuarryError(
    'not_found',
    `the retrieval ${JSON.stringify(retrievalId)} is not remembered here: it is too long ago, or another process answered it. Send its question in "query" as well`,
  )
}

function newGolden(
  id: string,
  { query, relevant, note, tags }: PutGoldenBody,
  origin: Pick<NewGoldenQuery, 'source' | 'retrievalId'>,
): NewGoldenQuery {
  return { id, query, relevant, note, tags: [...new Set(tags)], ...origin }
}

interface Destination {
  readonly tenant: TenantId
  readonly collection: CollectionId
  readonly onlyNew?: boolean
}

async function write(
  { catalog: { goldenQueries } }: HttpDeps,
  { tenant, collection, onlyNew = false }: Destination,
  golden: NewGoldenQuery,
) {
  const created = await goldenQueries.put(tenant, collection, [golden], { onlyNew })
  const stored = await goldenQueries.get(tenant, collection, golden.id)
  if (stored === null) throw unknown(golden.id)
  const judged = Object.keys(golden.relevant)
  const missing = await goldenQueries.missingDocuments(tenant, collection, judged)
  return {
    created: created.has(golden.id),
    body: { ...presentGolden(collection, stored), ...presentMissing(missing) },
  }
}

function pathOf(collection: CollectionId, id: string): string {
  return `${PATH}/${encodeURIComponent(id)}?collection=${collection}`
}

function generateId(): string {
  return `gq_${randomBytes(12).toString('hex')}`
}

function unknown(id: string): QuarryError {
  return new QuarryError('not_found', `no golden query ${JSON.stringify(id)}`)
}
