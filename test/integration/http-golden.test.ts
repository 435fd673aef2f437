import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/catalog/database.ts'
import type { DocumentId } from '../../src/core/model.ts'
import { createRecentRetrievals } from '../../src/http/recent-retrievals.ts'
import {
  goldenImported,
  goldenPromoted,
  goldenWritten,
} from '../../src/http/schemas/golden-query.ts'
import { openTestDatabase } from '../support/database.ts'
import { cannedResponse, createHttpWorld, type HttpWorld } from '../support/http-world.ts'

let database: Database
let http: HttpWorld

beforeAll(async () => {
  database = await openTestDatabase()
  http = await createHttpWorld(database, {
    goldenImport: 50,
    goldenJudgments: 20,
    goldenQueries: 200,
  })
  await http.call('PUT', '/v1/collections/docs/documents/a', 'text', {
    'content-type': 'text/plain',
  })
})
afterAll(() => database?.close())

const PATH = '/v1/golden-queries'
const ndjson = { 'content-type': 'application/x-ndjson' }
const as = (tenant: string) => ({ 'x-tenant-id': tenant })
const question = { collection: 'docs', query: 'Where is diesel sold?', relevant: { a: 2, gone: 1 } }
const lines = (...values: object[]) => values.map((value) => JSON.stringify(value)).join('\n')

describe('one golden query', () => {
  test('is made, read, replaced and removed', async () => {
    const made = await http.call('POST', PATH, { ...question, id: 'q/1 ü', tags: ['fuel', 'fuel'] })
    expect(made.status).toBe(201)
    expect(() => goldenWritten.parse(made.json)).not.toThrow()
    expect(made.json).toMatchObject({
      id: 'q/1 ü',
      collection: 'docs',
      relevant: { a: 2, gone: 1 },
      tags: ['fuel'],
      note: null,
      source: 'manual',
      retrieval_id: null,
      missing_documents: ['gone'],
      missing_total: 1,
    })
    const path = made.headers.get('location') ?? ''
    const { missing_documents: _, missing_total: __, ...stored } = made.json
    expect((await http.call('GET', path)).json).toEqual(stored)
    const taken = await http.call('POST', PATH, { ...question, id: 'q/1 ü' })
    expect(taken.status).toBe(409)
    expect(taken.json.detail).toContain('PUT replaces it')
    const replaced = await http.call('PUT', path, { query: 'Other?', relevant: { a: 0 } })
    expect(replaced.status).toBe(200)
    expect(replaced.json).toMatchObject({ query: 'Other?', relevant: { a: 0 }, tags: [] })
    expect((await http.call('DELETE', path)).json).toEqual({ id: 'q/1 ü', outcome: 'deleted' })
    expect((await http.call('DELETE', path)).status).toBe(404)
    expect((await http.call('GET', path)).status).toBe(404)
    expect((await http.call('PUT', path, { query: 'New?', relevant: { a: 1 } })).status).toBe(201)
  })

  test('gets an id of its own where none is given, and one only for one Idempotency-Key', async () => {
    const key = { 'idempotency-key': 'once' }
    const [one, two] = [
      await http.call('POST', PATH, question, key),
      await http.call('POST', PATH, question, key),
    ]
    expect(one.json.id).toMatch(/^gq_[0-9a-f]{24}$/)
    expect(two.json).toEqual(one.json)
    expect(two.headers.get('idempotency-replayed')).toBe('true')
  })

  test.each([
    [{ ...question, relevant: {} }, '/relevant', 'judges no document'],
    [{ ...question, relevant: { a: -1 } }, '/relevant/a', '0'],
    [{ ...question, relevant: { a: 101 } }, '/relevant/a', '100'],
    [{ ...question, relevant: { a: 1.5 } }, '/relevant/a', 'int'],
    [{ ...question, relevant: { 'a\u0001': 1 } }, '/relevant/a\u0001', 'control character'],
    [{ ...question, query: ' ' }, '/query', 'is empty'],
    [{ ...question, qery: 'x' }, '/qery', 'did you mean "query"?'],
    [{ ...question, collection: undefined }, '/collection', 'string'],
    [
      { ...question, relevant: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [n, 1])) },
      '/relevant',
      'more than 20',
    ],
  ])('refuses %j', async (body, pointer, detail) => {
    const { status, json } = await http.call('POST', PATH, body)
    expect(status).toBe(400)
    const fault = json.errors.find((error: { pointer: string }) => error.pointer === pointer)
    expect(fault?.detail).toContain(detail)
  })

  test('needs a collection that is there, and the scope eval', async () => {
    const unknown = await http.call('POST', PATH, { ...question, collection: 'nowhere' })
    expect(unknown.status).toBe(404)
    expect((await http.call('GET', PATH)).status).toBe(400)
    const retriever = { authorization: `Bearer ${await http.newKey(['retrieve', 'ingest'])}` }
    expect((await http.call('GET', `${PATH}?collection=docs`, undefined, retriever)).status).toBe(
      403,
    )
    const evaluator = { authorization: `Bearer ${await http.newKey(['eval'], 'acme')}` }
    const seen = await http.call('GET', `${PATH}?collection=docs`, undefined, evaluator)
    expect(seen.status).toBe(200)
  })

  test("another tenant's is not there", async () => {
    await http.call('POST', PATH, { ...question, id: 'private' })
    const path = `${PATH}/private?collection=docs`
    for (const method of ['GET', 'DELETE'])
      expect((await http.call(method, path, undefined, as('beta'))).status).toBe(404)
    const { json } = await http.call('GET', `${PATH}?collection=docs`, undefined, as('beta'))
    expect(json).toEqual({ golden_queries: [], next_cursor: null })
    // The documents of one are missing for the other.
    const theirs = await http.call('POST', PATH, { ...question, id: 'private' }, as('beta'))
    expect(theirs.json.missing_documents).toEqual(['a', 'gone'])
    expect((await http.call('GET', path)).json.missing_documents).toBeUndefined()
  })
})

describe('sets of golden queries', () => {
  const tenant = as('sets')

  test('come in as JSONL or as an array, and go out as they came in', async () => {
    const sent = [
      { id: 'q2', query: 'two?', relevant: { b: 1 }, note: 'n', tags: ['t'], source: 'manual' },
      {
        id: 'q1',
        query: 'one?',
        relevant: { a: 2, b: 0 },
        source: 'promoted',
        retrieval_id: 'ret_x',
      },
      { id: 'q3', query: 'three? ✓', relevant: { 'x y': 3 } },
    ]
    const path = `${PATH}:import?collection=docs`
    const first = await http.call('POST', path, `${lines(...sent)}\n\n`, { ...ndjson, ...tenant })
    expect(first.status).toBe(200)
    expect(() => goldenImported.parse(first.json)).not.toThrow()
    expect(first.json).toMatchObject({ imported: 3, created: 3, updated: 0, missing_total: 3 })
    const again = await http.call('POST', path, sent.slice(1), tenant)
    expect(again.json).toMatchObject({ imported: 2, created: 0, updated: 2 })
    const wrapped = await http.call('POST', path, { golden_queries: sent }, tenant)
    expect(wrapped.json).toMatchObject({ imported: 3, created: 0 })

    const out = await http.call('GET', `${PATH}:export?collection=docs`, undefined, tenant)
    expect(out.headers.get('content-type')).toBe('application/x-ndjson')
    expect(out.text).toBe(
      `${lines(sent[1] ?? {}, sent[0] ?? {}, { ...sent[2], source: 'imported' })}\n`,
    )
    const back = await http.call('POST', path, out.text, { ...ndjson, ...as('sets-2') })
    expect(back.json).toMatchObject({ created: 3 })
    const copy = await http.call('GET', `${PATH}:export?collection=docs`, undefined, as('sets-2'))
    expect(copy.text).toBe(out.text)
    const tagged = await http.call('GET', `${PATH}:export?collection=docs&tag=t`, undefined, tenant)
    expect(tagged.text).toBe(`${lines(sent[0] ?? {})}\n`)
  })

  test('are paged through by a cursor, by tag and by source', async () => {
    const list = (more: string) =>
      http.call('GET', `${PATH}?collection=docs${more}`, undefined, tenant)
    const page = (await list('&limit=2')).json
    expect(page.golden_queries.map(({ id }: { id: string }) => id)).toEqual(['q1', 'q2'])
    const next = (await list(`&limit=2&cursor=${page.next_cursor}`)).json
    expect(next.golden_queries.map(({ id }: { id: string }) => id)).toEqual(['q3'])
    expect(next.next_cursor).toBeNull()
    expect((await list('&tag=t')).json.golden_queries).toHaveLength(1)
    expect((await list('&source=imported')).json.golden_queries).toHaveLength(1)
    expect((await list('&source=elsewhere')).status).toBe(400)
  })

  test('larger than a page or a slice of the serving thread arrive whole', async () => {
    const relevant = {
      [`${'long-document-name-'.repeat(8)}1`]: 1,
      [`${'other-name-'.repeat(14)}2`]: 2,
    }
    const batches = [0, 1, 2].map((batch) =>
      Array.from({ length: 50 }, (_, at) => ({
        id: `q${batch}-${at}`,
        query: `${'a long question with many words, '.repeat(30)}${at}?`,
        relevant,
      })),
    )
    for (const batch of batches) {
      const body = lines(...batch)
      expect(body.length).toBeGreaterThan(64 * 1024)
      const sent = await http.call('POST', `${PATH}:import?collection=docs`, body, {
        ...ndjson,
        ...as('large'),
      })
      expect(sent.json).toMatchObject({ imported: 50, created: 50 })
    }
    const out = await http.call('GET', `${PATH}:export?collection=docs`, undefined, as('large'))
    const ids = out.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).id)
    expect(ids).toEqual(
      batches
        .flat()
        .map(({ id }) => id)
        .toSorted(),
    )
  })

  test.each([
    ['{"id":"a","query":"a?","relevant":{"a":1}}\n{"id":"b"', 2, 'is not valid JSON'],
    ['{"id":"a","query":"a?","relevant":{"a":1}}\n\n{"id":"b","query":"b?"}', 3, 'must be {'],
    ['{"id":"a","query":"a?","relevant":{"a":1},"grade":1}', 1, 'no field "grade"'],
  ])('refuse all of %j for one fault', async (body, line, detail) => {
    const headers = { ...ndjson, ...as('faulty') }
    const { status, json } = await http.call(
      'POST',
      `${PATH}:import?collection=docs`,
      body,
      headers,
    )
    expect(status).toBe(400)
    expect(json.errors[0]).toMatchObject({ line, detail: expect.stringContaining(detail) })
    const out = await http.call('GET', `${PATH}:export?collection=docs`, undefined, as('faulty'))
    expect(out.text).toBe('')
  })

  test('have their limits: of one import, and of one collection', async () => {
    const path = `${PATH}:import?collection=docs`
    const many = (from: number, count: number) =>
      Array.from({ length: count }, (_, at) => ({
        id: `${from + at}`,
        query: 'q',
        relevant: { a: 1 },
      }))
    const headers = as('limited')
    for (const type of ['application/json', 'application/x-ndjson']) {
      const body = type.endsWith('ndjson') ? lines(...many(0, 51)) : JSON.stringify(many(0, 51))
      const refused = await http.call('POST', path, body, { ...headers, 'content-type': type })
      expect(refused.status).toBe(400)
      expect(refused.json.detail).toContain('50')
    }
    for (const from of [0, 50, 100, 150])
      expect((await http.call('POST', path, many(from, 50), headers)).status).toBe(200)
    const full = await http.call('POST', path, many(200, 1), headers)
    expect(full.status).toBe(409)
    expect(full.json.detail).toContain('limits.golden_queries')
    const twice = await http.call('POST', path, [...many(0, 1), ...many(0, 1)], headers)
    expect(twice.status).toBe(400)
    expect(twice.json.detail).toContain('"0" is there twice')
  })

  test('of a collection that is not there are 404, not empty', async () => {
    expect((await http.call('GET', `${PATH}:export?collection=nowhere`)).status).toBe(404)
    const sent = await http.call('POST', `${PATH}:import?collection=nowhere`, [
      { id: 'a', query: 'a?', relevant: { a: 1 } },
    ])
    expect(sent.status).toBe(404)
  })
})

describe('promoting a retrieval', () => {
  const promote = (body: object, headers = {}) =>
    http.call('POST', `${PATH}:promote`, { collection: 'docs', ...body }, headers)

  test('takes its question, and tells which of its hits are not judged', async () => {
    const [hit] = cannedResponse().hits
    if (hit === undefined) throw new Error('no hit')
    const hits = ['a', 'b', 'a', 'c'].map((id) => ({ ...hit, documentId: id as DocumentId }))
    http.retrieve = async () => cannedResponse({ retrievalId: 'ret_1', hits })
    await http.call('POST', '/v1/retrieve', { collection: 'docs', query: 'What floats?' })
    http.retrieve = async () => cannedResponse()
    const made = await promote({
      retrieval_id: 'ret_1',
      relevant: { b: 1, elsewhere: 2 },
      note: 'n',
    })
    expect(made.status).toBe(201)
    expect(() => goldenPromoted.parse(made.json)).not.toThrow()
    expect(made.json).toMatchObject({
      id: 'ret_1',
      query: 'What floats?',
      relevant: { b: 1, elsewhere: 2 },
      note: 'n',
      source: 'promoted',
      retrieval_id: 'ret_1',
      unjudged_documents: ['a', 'c'],
      missing_documents: ['b', 'elsewhere'],
    })
    const again = await promote({ retrieval_id: 'ret_1', relevant: { a: 1 } })
    expect(again.status).toBe(200)
    expect(again.json.relevant).toEqual({ a: 1 })
    const named = await promote({ retrieval_id: 'ret_1', relevant: { a: 1 }, id: 'floats' })
    expect(named.json).toMatchObject({ id: 'floats', retrieval_id: 'ret_1' })
    const otherQuery = await promote({ retrieval_id: 'ret_1', query: 'x', relevant: { a: 1 } })
    expect(otherQuery.status).toBe(400)
    const body = { retrieval_id: 'ret_1', relevant: { a: 1 }, collection: 'books' }
    const otherCollection = await promote(body)
    expect(otherCollection.json.detail).toContain('asked "docs"')
  })

  test('that is not remembered, or of another tenant, is 404 and says what to send', async () => {
    for (const [retrieval, headers] of [
      ['ret_unknown', {}],
      ['ret_1', as('beta')],
    ] as const) {
      const { status, json } = await promote(
        { retrieval_id: retrieval, relevant: { a: 1 } },
        headers,
      )
      expect(status).toBe(404)
      expect(json.detail).toContain('Send its question in "query" as well')
    }
    const given = await promote({
      retrieval_id: 'ret_old',
      query: 'What sank?',
      relevant: { a: 1 },
    })
    expect(given.json).toMatchObject({ id: 'ret_old', query: 'What sank?', unjudged_documents: [] })
    const bare = await promote({ query: 'What sank?', relevant: ['a', 'b'] })
    expect(bare.json).toMatchObject({
      source: 'promoted',
      retrieval_id: null,
      relevant: { a: 1, b: 1 },
    })
    expect((await promote({ relevant: { a: 1 } })).status).toBe(400)
  })
})

describe('what is remembered of retrievals', () => {
  const retrieval = (query: string) => ({ collection: 'docs' as never, query, documents: [] })
  const acme = 'acme' as never

  test('is bounded: the oldest go first, and one that is too large is not kept', () => {
    const recent = createRecentRetrievals(3_000)
    for (let at = 0; at < 100; at += 1) recent.remember(acme, `r${at}`, retrieval('x'.repeat(100)))
    const kept = Array.from({ length: 100 }, (_, at) => recent.recall(acme, `r${at}`) !== null)
    expect(kept.slice(0, 95)).not.toContain(true)
    expect(kept.slice(95)).toEqual([true, true, true, true, true])
    recent.remember(acme, 'huge', retrieval('x'.repeat(2_000)))
    expect(recent.recall(acme, 'huge')).toBeNull()
    expect(recent.recall(acme, 'r99')).not.toBeNull()
  })

  test('is nothing at all with a limit of 0, and nothing for another tenant', () => {
    const none = createRecentRetrievals(0)
    none.remember(acme, 'r', retrieval('q'))
    expect(none.recall(acme, 'r')).toBeNull()
    const recent = createRecentRetrievals(10_000)
    recent.remember(acme, 'r', retrieval('q'))
    expect(recent.recall('beta' as never, 'r')).toBeNull()
  })
})
