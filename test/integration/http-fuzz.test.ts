import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Database } from '../../src/catalog/database.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import { problemSchema } from '../../src/http/problem.ts'
import { createRoutes } from '../../src/http/routes.ts'
import { openTestDatabase } from '../support/database.ts'
import { createHttpWorld, type HttpWorld, type Reply } from '../support/http-world.ts'

let database: Database
let http: HttpWorld

beforeAll(async () => {
  database = await openTestDatabase()
  http = await createHttpWorld(database, { waitIndexedMs: 20 })
})
afterAll(() => database?.close())

/** Whatever comes in: no 5xx, and every refusal a well-formed problem. */
function expectSound(reply: Reply): void {
  expect(reply.status, reply.text).toBeLessThan(500)
  if (reply.status < 400) return
  expect(reply.headers.get('content-type')).toBe('application/problem+json')
  expect(() => problemSchema.parse(reply.json)).not.toThrow()
  expect(reply.json.status).toBe(reply.status)
}

const segment = fc.oneof(
  fc.constantFrom(
    'docs',
    'a',
    'nowhere',
    '%00',
    '%zz',
    '%ff',
    '..',
    '%2e%2e',
    'x:cancel',
    '__proto__',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }).map((id) => encodeURIComponent(toWellFormed(id))),
)
const toWellFormed = (text: string) => text.replaceAll(/\p{Cs}/gu, '?')

const wildValue = fc.oneof(
  fc.json({ maxDepth: 4 }).map((text) => JSON.parse(text) as unknown),
  fc.constantFrom<unknown>(null, '', 'x\0y', '\ud800', -1, 1e308, [], {}, 'x'.repeat(300)),
)
/** Mostly the right names with wild values: what gets deepest into the code. */
const body = fc.dictionary(
  fc.constantFrom(
    'collection',
    'query',
    'top_k',
    'filter',
    'prompt',
    'fusion',
    'rerank',
    'min_version',
    'expand',
    'group_by',
    'text',
    'content_base64',
    'media_type',
    'metadata',
    'title',
    'source',
    'documents',
    'policy',
    'name',
    'scopes',
    'tenant',
    'expires_at',
    '__proto__',
    'constructor',
  ),
  wildValue,
  { maxKeys: 6 },
)
const query = fc.constantFrom(
  '',
  '?',
  '?limit=0',
  '?limit=5',
  '?cursor=x',
  '?cursor=cYQ.00000000',
  '?wait=indexed',
  '?wait=x',
  '?wait_ms=1&wait=indexed',
  '?state=failed',
  '?a=1&a=2',
  '?content=true',
  '?from=2024-13-01',
  '?%zz=%zz',
)
const headers = fc.dictionary(
  fc.constantFrom(
    'if-match',
    'if-none-match',
    'idempotency-key',
    'x-quarry-metadata',
    'traceparent',
    'x-request-id',
    'x-request-timeout-ms',
    'content-encoding',
    'x-tenant-id',
  ),
  fc.oneof(
    fc.constantFrom(
      '*',
      '"1"',
      'W/"1"',
      'k',
      '{"a":1}',
      '{"a":',
      '{"tenant":1}',
      '5000',
      'acme',
      '\u00ff',
    ),
    fc.string({ unit: fc.constantFrom(...'abc01"{}:, -_'), maxLength: 12 }),
  ),
  { maxKeys: 3 },
)

test('any request on any route', { timeout: 120_000 }, async () => {
  const routes = createRoutes(DEFAULT_LIMITS).filter(({ operation }) => operation !== 'createKey')
  await fc.assert(
    fc.asyncProperty(
      fc.nat(routes.length - 1),
      fc.array(segment, { minLength: 3, maxLength: 3 }),
      fc.oneof(body, wildValue),
      query,
      headers,
      async (which, segments, json, search, given) => {
        const { method = 'GET', path = '/', body: spec = null } = routes[which] ?? {}
        let at = 0
        const filled = path.replaceAll(/\{\w+\}/g, () => segments[at++] ?? 'a')
        const type = Object.keys(spec?.contents ?? {})[segments.length % 2] ?? 'application/json'
        const hasBody = method !== 'GET'
        const sent = hasBody ? JSON.stringify(json) : undefined
        const content = hasBody ? { 'content-type': type } : {}
        expectSound(await http.call(method, filled + search, sent, { ...content, ...given }))
      },
    ),
    { numRuns: 600 },
  )
})

test('right documents with wild parts', { timeout: 120_000 }, async () => {
  let stored = 0
  await http.call('PUT', '/v1/collections/docs')
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.dictionary(fc.string({ unit: 'binary', maxLength: 8 }), wildValue, { maxKeys: 4 }),
      async (id, text, metadata) => {
        const documents = [{ id, text, title: text, metadata }]
        const reply = await http.call('POST', '/v1/collections/docs/documents:batch', { documents })
        expectSound(reply)
        if (reply.status !== 202) return
        stored += 1
        const [document] = reply.json.documents
        const path = `/v1/collections/docs/documents/${encodeURIComponent(document.id)}`
        const got = await http.call('GET', `${path}?content=true`)
        expect(got.status).toBe(200)
        expect(got.json).toMatchObject({ id: id.normalize('NFC'), title: text, metadata })
        expect(got.json.text).toBe(text)
      },
    ),
    { numRuns: 200 },
  )
  expect(stored).toBeGreaterThan(0)
})

test('bytes that are no JSON', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      const type = { 'content-type': 'application/json' }
      const reply = await http.call('POST', '/retrieve', new Uint8Array(bytes), type)
      expectSound(reply)
      expect(reply.status).toBe(400)
    }),
    { numRuns: 100 },
  )
})
