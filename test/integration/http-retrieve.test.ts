import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/catalog/database.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { retrieveAnswer } from '../../src/http/schemas/retrieve-answer.ts'
import { encodeVersion } from '../../src/http/version.ts'
import { openTestDatabase } from '../support/database.ts'
import { cannedResponse, createHttpWorld, type HttpWorld } from '../support/http-world.ts'

let database: Database
let http: HttpWorld

beforeAll(async () => {
  database = await openTestDatabase()
  http = await createHttpWorld(database)
})
afterAll(() => database?.close())

const DOCS = '/v1/collections/docs/documents'
const question = { collection: 'docs', query: 'What is it?' }
const text = { 'content-type': 'text/plain' }

describe('retrieve', () => {
  test('the same answer on both paths, as its schema says, with metadata untouched', async () => {
    for (const path of ['/retrieve', '/v1/retrieve']) {
      const { status, json, headers } = await http.call('POST', path, question)
      expect(status).toBe(200)
      expect(() => retrieveAnswer.parse(json)).not.toThrow()
      expect(json.hits[0].metadata).toEqual({ someKey: 'kept', nested_tags: ['x', 'y'] })
      expect(headers.get('server-timing')).toBe('embed;dur=21.4, dense;dur=2.1, total;dur=27')
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
    }
  })

  test('hands every field on to the core', async () => {
    await http.call('POST', '/retrieve', {
      ...question,
      top_k: 3,
      candidates: 50,
      mode: 'lexical',
      filter: {
        must: [{ field: 'lang', op: 'eq', value: 'en' }],
        must_not: [{ field: 'tag', op: 'in', values: ['a', 'b'] }],
        should: [
          { field: 'year', op: 'gte', value: 2020 },
          { must: [{ field: 'x', op: 'exists' }] },
        ],
      },
      fusion: { k: 10 },
      rerank: null,
      mmr: { lambda: 0.7 },
      group_by: { field: 'document_id', size: 2 },
      expand: { before: 1 },
      dedupe: false,
      min_relevance: 0.2,
      min_version: encodeVersion(41n),
      on_degraded: 'fail',
      require: ['lexical'],
      explain: true,
      prompt: { max_tokens: 500, pinned: ['a'] },
    })
    expect(http.retrievals.at(-1)).toMatchObject({
      tenant: 'acme',
      collection: 'docs',
      topK: 3,
      candidates: 50,
      mode: 'lexical',
      filter: {
        op: 'and',
        filters: [
          { op: 'eq', field: 'lang', value: 'en' },
          { op: 'not', filter: { op: 'in', field: 'tag', values: ['a', 'b'] } },
          {
            op: 'or',
            filters: [
              { op: 'gte', field: 'year', value: 2020 },
              { op: 'exists', field: 'x' },
            ],
          },
        ],
      },
      fusion: { k: 10 },
      rerank: null,
      mmr: { lambda: 0.7 },
      groupBy: { field: 'document_id', size: 2 },
      expand: { before: 1, after: 0 },
      dedupe: false,
      minRelevance: 0.2,
      minVersion: 41n,
      onDegraded: 'fail',
      require: ['lexical'],
      explain: true,
      prompt: {
        template: 'default',
        format: 'openai',
        maxTokens: 500,
        pinned: ['a'],
        order: 'relevance',
      },
    })
  })

  test('the budget is the smaller of the body and the header, and too little is refused at once', async () => {
    await http.call(
      'POST',
      '/retrieve',
      { ...question, budget_ms: 900 },
      { 'x-request-timeout-ms': '300' },
    )
    expect(http.retrievals.at(-1)?.budgetMs).toBeLessThanOrEqual(300)
    await http.call(
      'POST',
      '/retrieve',
      { ...question, budget_ms: 200 },
      { 'x-request-timeout-ms': '30000' },
    )
    expect(http.retrievals.at(-1)?.budgetMs).toBeLessThanOrEqual(200)
    const none = await http.call('POST', '/retrieve', question, { 'x-request-timeout-ms': '2' })
    expect(none.status).toBe(504)
    expect(none.json.code).toBe('deadline_exceeded')
    expect(
      (await http.call('POST', '/retrieve', question, { 'x-request-timeout-ms': 'soon' })).status,
    ).toBe(400)
  })

  test.each([
    [{ ...question, topk: 3 }, '/topk', 'did you mean "top_k"?'],
    [{ ...question, topK: 3 }, '/topK', 'did you mean "top_k"?'],
    [{ ...question, prompt: { maxtokens: 3 } }, '/prompt/maxtokens', 'did you mean "max_tokens"?'],
    [{ ...question, top_k: 201 }, '/top_k', '200'],
    [{ collection: 'docs' }, '/query', 'expected string'],
    [{ ...question, query: ' ' }, '/query', 'is empty'],
    [{ ...question, query: 'a\0b' }, '/query', 'NUL'],
    [
      { ...question, filter: { must: [{ field: 'a', op: 'equals', value: 1 }] } },
      '/filter/must/0/op',
      '"eq"',
    ],
    [
      { ...question, filter: { must: [{ field: 'a', op: 'eq', val: 1 }] } },
      '/filter/must/0/val',
      '"value"',
    ],
    [
      { ...question, filter: { must: [{ field: 'a', op: 'gt', value: 'soon' }] } },
      '/filter/must/0/value',
      'RFC 3339',
    ],
    [{ ...question, filter: { musst: [] } }, '/filter/musst', 'did you mean "must"?'],
    [{ ...question, min_version: 'v7' }, '/min_version', 'not a token'],
    [
      { ...question, fusion: { weights: { dense: 0, lexical: 0 } } },
      '/fusion/weights',
      'both be 0',
    ],
    [{ ...question, collection: 'Docs' }, '/collection', 'must match'],
  ])('refuses %j, naming the place', async (body, pointer, detail) => {
    const { status, json, headers } = await http.call('POST', '/retrieve', body)
    expect(status).toBe(400)
    expect(headers.get('content-type')).toBe('application/problem+json')
    const fault = json.errors.find((error: { pointer: string }) => error.pointer === pointer)
    expect(fault?.detail).toContain(detail)
  })

  test('a filter deeper than the limit is refused, not overflowed', async () => {
    let filter: object = { must: [] }
    for (let depth = 0; depth < 12; depth++) filter = { must_not: [filter, filter] }
    const nested = await http.call('POST', '/retrieve', { ...question, filter })
    expect(nested.status).toBe(400)
    expect(nested.json.errors[0].pointer).toBe('/filter')
    const deep = `{"collection":"docs","query":"x","filter":${'{"must":['.repeat(5_000)}${']}'.repeat(5_000)}}`
    const answer = await http.call('POST', '/retrieve', deep, {
      'content-type': 'application/json',
    })
    expect(answer.status).toBe(400)
    expect(answer.json.detail).toContain('nested deeper')
  })

  test('says what degraded in the log and the metrics', async () => {
    http.retrieve = async () =>
      cannedResponse({
        degraded: [{ stage: 'rerank', reason: 'deadline', fallback: 'fused_order' }],
      })
    const { json } = await http.call('POST', '/retrieve', question)
    expect(json.degraded).toEqual([
      { stage: 'rerank', reason: 'deadline', fallback: 'fused_order' },
    ])
    expect(http.lines.at(-1)).toMatchObject({ degraded: ['rerank:deadline'], tenant_id: 'acme' })
    const { body } = await http.deps.metrics.render()
    expect(body).toContain('quarry_degraded_total{stage="rerank",reason="deadline"} 1')
    expect(body).toMatch(/quarry_retrieve_duration_seconds_count\{outcome="degraded"\} 1/)
    http.retrieve = async () => cannedResponse()
  })

  test.each([
    [new QuarryError('unavailable', 'busy', { details: { retryAfterMs: 2_500 } }), 503, '3'],
    [new QuarryError('rate_limited', 'slower'), 429, '1'],
    [
      new QuarryError('deadline_exceeded', 'late', { details: { degraded: [{ stage: 'embed' }] } }),
      504,
      null,
    ],
  ])('%s becomes a problem', async (error, status, retryAfter) => {
    http.retrieve = () => Promise.reject(error)
    const answer = await http.call('POST', '/retrieve', question)
    http.retrieve = async () => cannedResponse()
    expect(answer.status).toBe(status)
    expect(answer.headers.get('retry-after')).toBe(retryAfter)
    expect(answer.json).toMatchObject({ code: error.code, retryable: true, status })
    expect(answer.json.degraded).toEqual(error.details['degraded'])
  })

  test('a bug shows nothing of itself but in the log', async () => {
    http.retrieve = () => Promise.reject(new TypeError('secret-internal-thing'))
    const answer = await http.call('POST', '/retrieve', question)
    http.retrieve = async () => cannedResponse()
    expect(answer.status).toBe(500)
    expect(answer.text).not.toContain('secret-internal-thing')
    const line = http.lines.at(-1)
    expect(line).toMatchObject({ status: 500, request_id: answer.json.request_id })
    expect(JSON.stringify(line)).toContain('secret-internal-thing')
  })

  test('no query, text or key ever reaches the log', async () => {
    http.lines.length = 0
    await http.call('POST', '/retrieve', { ...question, query: 'zebra-query' })
    await http.call('PUT', `${DOCS}/logged`, 'zebra-text', text)
    await http.call(
      'POST',
      '/retrieve',
      { ...question, query: 'zebra-query' },
      { authorization: 'Bearer qk_zebra' },
    )
    expect(http.lines).toHaveLength(3)
    expect(JSON.stringify(http.lines)).not.toMatch(/zebra|qk_/)
  })
})
