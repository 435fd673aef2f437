import { QuarryError } from '../../core/errors.ts'
import { createPace } from '../../core/pace.ts'
import { NDJSON_TYPES } from '../document-bodies.ts'
import { streamGolden } from '../golden-export.ts'
import { presentMissing } from '../present/golden-query.ts'
import type { Reading } from '../reading/open-reading.ts'
import { type Route, tenantRoute } from '../route.ts'
import {
  type GoldenSchemas,
  goldenExportQuery,
  goldenImported,
  ofCollection,
} from '../schemas/golden-query.ts'

const SHARED = { tag: 'Golden queries', scopes: ['eval'] } as const

const importRoute = ({ importBody, line }: GoldenSchemas, read: Reading) =>
  tenantRoute({
    method: 'POST',
    path: '/v1/golden-queries:import',
    operation: 'importGoldenQueries',
    ...SHARED,
    summary: 'Add or replace many golden queries',
    about:
      'JSONL with `{"id", "query", "relevant": {"<document id>": grade}}` a line, or a JSON array of the same. All or nothing: one fault refuses them all.',
    query: ofCollection,
    body: {
      contents: {
        'application/json': importBody,
        ...Object.fromEntries(NDJSON_TYPES.map((type) => [type, line])),
      },
      bytesMax: (settings) => settings.bodyBytes,
      read: (received) => read('golden', received),
    },
    idempotent: true,
    answers: { 200: { about: 'All are stored', schema: goldenImported } },
    handle: async ({ deps, tenant, query: { collection }, body }) => {
      const { goldenQueries } = deps.catalog
      const created = await goldenQueries.put(tenant, collection, body)
      const judged = await judgedDocuments(body)
      const missing = await goldenQueries.missingDocuments(tenant, collection, judged)
      return {
        status: 200,
        body: {
          imported: body.length,
          created: created.size,
          updated: body.length - created.size,
          ...presentMissing(missing),
        },
      }
    },
  })

const exportRoute = tenantRoute({
  method: 'GET',
  path: '/v1/golden-queries:export',
  operation: 'exportGoldenQueries',
  ...SHARED,
  summary: 'All golden queries of a collection as JSONL, as an import takes them',
  query: goldenExportQuery,
  answers: { 200: { about: 'One a line', mediaType: 'application/x-ndjson' } },
  handle: async ({ deps, tenant, query: { collection, tag } }) => {
    const { goldenQueries, collections } = deps.catalog
    // An empty file for a mistyped name would look like a set without queries.
    if ((await collections.get(collection)) === null)
      throw new QuarryError('not_found', `no collection "${collection}"`)
    return {
      status: 200,
      stream: await streamGolden({ goldenQueries, tenant, collection, tag }),
      headers: { 'content-type': 'application/x-ndjson' },
    }
  },
})

export const goldenSetRoutes = (schemas: GoldenSchemas, read: Reading): readonly Route[] => [
  importRoute(schemas, read),
  exportRoute,
]

async function judgedDocuments(
  queries: readonly { readonly relevant: Readonly<Record<string, number>> }[],
): Promise<readonly string[]> {
  const pace = createPace()
  const judged = new Set<string>()
  for (const { relevant } of queries) {
    for (const document of Object.keys(relevant)) judged.add(document)
    await pace()
  }
  return [...judged]
}
