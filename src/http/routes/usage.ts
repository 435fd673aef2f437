import { z } from 'zod'
import { type Route, tenantRoute } from '../route.ts'

const DEFAULT_DAYS = 30
const DAY_MS = 86_400_000

const day = z.iso.date()

const usageDay = z.strictObject({
  day,
  route: z.string(),
  requests: z.int(),
  embed_tokens: z.int(),
  rerank_documents: z.int(),
  generate_input_tokens: z.int(),
  generate_cached_tokens: z.int().describe('Of the input, what the provider had cached'),
  generate_output_tokens: z.int(),
  documents: z.int(),
  bytes: z.int(),
})

const list = tenantRoute({
  method: 'GET',
  path: '/v1/usage',
  operation: 'listUsage',
  tag: 'Usage',
  summary: 'What a tenant used, by day and route',
  about: `The last ${DEFAULT_DAYS} days unless \`from\` and \`to\` say otherwise; days are UTC, both ends included.`,
  scopes: ['admin'],
  query: z
    .strictObject({ from: day.optional(), to: day.optional() })
    .refine(({ from, to }) => from === undefined || to === undefined || from <= to, {
      error: 'from is after to',
    }),
  answers: {
    200: { about: 'The days', schema: z.strictObject({ usage: z.array(usageDay) }) },
  },
  handle: async ({ deps, tenant, query }) => {
    await deps.usage.flush()
    const to = query.to ?? dayOf(Date.now())
    const from = query.from ?? dayOf(Date.parse(to) - (DEFAULT_DAYS - 1) * DAY_MS)
    const records = await deps.catalog.usage.list(tenant, from, to)
    const usage = records.map((record) => ({
      day: record.day,
      route: record.route,
      requests: record.requests,
      embed_tokens: record.embedTokens,
      rerank_documents: record.rerankDocuments,
      generate_input_tokens: record.generateInputTokens,
      generate_cached_tokens: record.generateCachedTokens,
      generate_output_tokens: record.generateOutputTokens,
      documents: record.documents,
      bytes: record.bytes,
    }))
    return { status: 200, body: { usage } }
  },
})

export const USAGE_ROUTES: readonly Route[] = [list]

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
