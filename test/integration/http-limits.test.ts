import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/catalog/database.ts'
import { openCatalog } from '../../src/catalog/open-catalog.ts'
import type { Limits } from '../../src/core/limits.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import { openTestDatabase } from '../support/database.ts'
import { createHttpWorld, type HttpWorld } from '../support/http-world.ts'

let database: Database
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database?.close())

const worldWith = (limits: Partial<Limits>): Promise<HttpWorld> => createHttpWorld(database, limits)

const DOCUMENT = '/v1/collections/docs/documents/a'
const BATCH = '/v1/collections/docs/documents:batch'
const tag = (value: unknown) => ({ field: 'tag', op: 'eq', value })
const ask = (changes: object) => ({ collection: 'docs', query: 'what is it', ...changes })
const raw = (bytes: number) => 'x'.repeat(bytes)
const documents = (count: number) => ({
  documents: Array.from({ length: count }, (_, at) => ({ id: `d${at}`, text: 'x' })),
})

type Sent = readonly [method: string, path: string, body: unknown]
const retrieval = (changes: object): Sent => ['POST', '/retrieve', ask(changes)]

/** A request that the default lets through and the lower setting refuses, naming the number. */
const LOWERED: readonly (readonly [Partial<Limits>, Sent, number])[] = [
  [{ queryBytes: 5 }, retrieval({}), 400],
  [{ filterDepth: 1 }, retrieval({ filter: { must: [{ should: [tag(1), tag(2)] }] } }), 400],
  [{ filterConditions: 1 }, retrieval({ filter: { must: [tag(1), tag(2)] } }), 400],
  [
    { filterValues: 1 },
    retrieval({ filter: { must: [{ field: 'tag', op: 'in', values: [1, 2] }] } }),
    400,
  ],
  [{ expandChunks: 1 }, retrieval({ expand: { before: 2 } }), 400],
  [{ retrieveBodyBytes: 1_024 }, retrieval({ query: raw(2_000) }), 413],
  [{ bodyBytes: 1_024 }, ['PUT', DOCUMENT, { text: raw(2_000) }], 413],
  [{ documentBytes: 10 }, ['PUT', DOCUMENT, { text: raw(11) }], 413],
  [{ titleChars: 3 }, ['PUT', DOCUMENT, { text: 'x', title: 'four' }], 400],
  [{ sourceChars: 3 }, ['PUT', DOCUMENT, { text: 'x', source: 'four' }], 400],
  [{ metadataKeys: 1 }, ['PUT', DOCUMENT, { text: 'x', metadata: { a: 1, b: 2 } }], 400],
  [{ metadataBytes: 8 }, ['PUT', DOCUMENT, { text: 'x', metadata: { a: 'long' } }], 400],
  [{ batchDocuments: 2 }, ['POST', BATCH, documents(3)], 400],
  [{ bodiesInFlightBytes: 10 }, ['PUT', DOCUMENT, { text: raw(20) }], 503],
]

describe('a lower setting refuses what the default lets through', () => {
  test.each(LOWERED)('%o', async (limits, [method, path, body], status) => {
    expect((await (await worldWith({})).call(method, path, body)).status).toBeLessThan(300)
    const refused = await (await worldWith(limits)).call(method, path, body)
    expect(refused.status, refused.text).toBe(status)
    if (status !== 503) expect(refused.text).toContain(String(Object.values(limits)[0]))
  })
})

test('a higher setting lets through what the default refuses', async () => {
  const sent: Sent = ['POST', BATCH, documents(257)]
  expect((await (await worldWith({})).call(...sent)).status).toBe(400)
  expect((await (await worldWith({ batchDocuments: 300 })).call(...sent)).status).toBe(202)
})

test('what a request leaves out is as the settings have it, and it may still say', async () => {
  const http = await worldWith({ topK: 3, budgetMs: 700, groupSize: 2, promptTokens: 900 })
  await http.call(...retrieval({ prompt: {}, group_by: { field: 'tag' } }))
  await http.call(...retrieval({ top_k: 50, budget_ms: 20_000, prompt: { max_tokens: 5_000 } }))
  const [left, said] = http.retrievals
  expect(left).toMatchObject({ topK: 3, groupBy: { size: 2 }, prompt: { maxTokens: 900 } })
  expect(left?.budgetMs).toBeLessThanOrEqual(700)
  expect(said).toMatchObject({ topK: 50, prompt: { maxTokens: 5_000 } })
  expect(said?.budgetMs).toBeGreaterThan(700)
})

test('pages, events and the API document follow the settings', async () => {
  const http = await worldWith({ pageSize: 1, eventsMs: 1_000, topK: 7 })
  const { json } = await http.call('POST', BATCH, {
    documents: ['p', 'q'].map((id) => ({ id, text: `of the page ${id}` })),
  })
  expect((await http.call('GET', '/v1/jobs')).json.jobs).toHaveLength(1)
  const list = await http.call('GET', '/v1/collections/docs/documents')
  expect(list.json.documents).toHaveLength(1)
  const events = await http.call('GET', `/v1/jobs/${json.job_id}/events`)
  expect(events.text).toContain('event: progress')
  expect(events.text).not.toContain('event: end')
  const described = JSON.stringify((await http.call('GET', '/openapi.json')).json)
  expect(described).toContain('"top_k":{"default":7')
})

test('answers to an Idempotency-Key are forgotten after their time', async () => {
  const { idempotency } = openCatalog(database, {
    ...DEFAULT_LIMITS,
    idempotencyMs: 1,
    idempotencyRunMs: 1,
  })
  const key = { tenant: 'acme' as never, route: 'PUT /x', key: 'k' }
  const soon = () => new Promise((resolve) => setTimeout(resolve, 10))
  expect(await idempotency.begin(key, 'one')).toEqual({ outcome: 'new' })
  await soon()
  expect(await idempotency.begin(key, 'one')).toEqual({ outcome: 'new' })
  await idempotency.complete(key, { status: 200 })
  await soon()
  expect(await idempotency.begin(key, 'another')).toEqual({ outcome: 'new' })
})
