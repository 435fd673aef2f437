import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { resultSchema } from '../../eval/result/schema.ts'
import type { Database } from '../../src/catalog/database.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { comparisonAnswer, evalAnswer } from '../../src/http/schemas/eval.ts'
import type { RetrieveRequest } from '../../src/retrieve/request.ts'
import { evalAdvice } from '../../src/service/eval-advice.ts'
import { openTestDatabase } from '../support/database.ts'
import {
  createEvalWorld,
  EVALS,
  type EvalWorld,
  PERFECT,
  ranking,
  stageOf,
  steady,
  type TenantHeaders,
} from '../support/eval-world.ts'
import { cannedResponse, createHttpWorld, type HttpWorld } from '../support/http-world.ts'

let database: Database
let http: HttpWorld
let evals: EvalWorld

beforeAll(async () => {
  database = await openTestDatabase()
  http = await createHttpWorld(database, { evalSample: 40 })
  evals = createEvalWorld(http)
})
afterEach(() => {
  http.retrieve = async () => cannedResponse()
})
afterAll(async () => {
  await http?.evals.close()
  await database?.close()
})

describe('an eval', () => {
  test('scores each stage of every golden query, and names what is wrong', async () => {
    const headers = await evals.newTenant(30)
    http.retrieve = ranking(steady({ dense: 3, lexical: 1, fused: 2, reranked: 1 }))
    const taken = await http.call('POST', EVALS, { collection: 'docs', name: 'first' }, headers)
    expect(taken.status).toBe(202)
    expect(() => evalAnswer.parse(taken.json)).not.toThrow()
    expect(taken.json).toMatchObject({ state: 'queued', progress: { done: 0, total: 30 } })
    expect(taken.headers.get('location')).toBe(`${EVALS}/${taken.json.id}`)

    const run = await evals.ended(headers, taken.json.id)
    expect(() => evalAnswer.parse(run)).not.toThrow()
    expect(run).toMatchObject({
      state: 'done',
      name: 'first',
      progress: { done: 30, total: 30 },
      reason: null,
      request: { stages: ['dense', 'lexical', 'fused', 'reranked'], depth: 100, request: {} },
    })
    const { result } = run
    const scores = Object.fromEntries(
      result.stages.map((stage: { stage: string; metrics: Record<string, { mean: number }> }) => [
        stage.stage,
        [stage.metrics['ndcg@10']?.mean, stage.metrics['mrr@10']?.mean],
      ]),
    )
    expect(scores).toEqual({
      dense: [0.5, expect.closeTo(1 / 3, 5)],
      lexical: [1, 1],
      fused: [expect.closeTo(1 / Math.log2(3), 5), 0.5],
      reranked: [1, 1],
    })
    expect(result.metrics).toEqual(['ndcg@10', 'recall@10', 'recall@100', 'mrr@10', 'map@100'])
    expect(result.losses.counts).toMatchObject({ kept: 30, fusion: 0 })
    expect(result.stages[0].latency_ms.parts).toEqual({ dense: 2, total: 5 })
    expect(result.target).toMatchObject({ kind: 'collection', name: 'docs' })
    const texts = result.findings.map(({ text }: { text: string }) => text)
    expect(texts.join('\n')).toMatch(
      /Fusion is below the better leg: lexical alone is better by 0\.36/,
    )
    const advice = evalAdvice(await http.deps.catalog.evals.latest())
    expect(advice).toMatchObject([
      {
        name: 'collection docs',
        state: 'warning',
        detail: expect.stringMatching(
          /^Fusion is below .* 0\.3691 ndcg@10 \(95 % interval .*\(tenant evals-1, eval ev_/,
        ),
      },
    ])
  })

  test('shows each query in pages, and the whole as a file that the command line reads', async () => {
    const headers = await evals.newTenant(3)
    http.retrieve = ranking(steady({ dense: 99, lexical: 12, fused: 12, reranked: 1 }))
    const { id } = await evals.evaluated(headers, {
      metrics: ['recall@10'],
      stages: ['lexical', 'reranked'],
    })
    const pages = `${EVALS}/${id}/queries?limit=2`
    const first = (await http.call('GET', pages, undefined, headers)).json
    const second = (
      await http.call('GET', `${pages}&cursor=${first.next_cursor}`, undefined, headers)
    ).json
    expect(second.next_cursor).toBeNull()
    const queries = [...first.queries, ...second.queries]
    expect(queries.map((query) => query.id)).toEqual(['q0', 'q1', 'q2'])
    expect(queries[1]).toMatchObject({
      text: 'question 1',
      relevant: [{ document: 'right-question 1', grade: 1, ranks: { lexical: 12, reranked: 1 } }],
      stages: {
        lexical: { state: 'whole', metrics: { 'recall@10': 0 } },
        reranked: {
          metrics: { 'recall@10': 1 },
          top: expect.arrayContaining(['right-question 1']),
        },
      },
    })
    const file = await http.call('GET', `${EVALS}/${id}/result`, undefined, headers)
    expect(resultSchema.parse(file.json).queries).toEqual(queries)
  })

  test("asks with the request's own wishes, where a stage leaves room for them", async () => {
    const headers = await evals.newTenant(1)
    const asked: RetrieveRequest[] = []
    http.retrieve = ranking(steady(PERFECT), asked)
    const run = await evals.evaluated(headers, {
      depth: 20,
      metrics: ['ndcg@10'],
      budget_ms: 321,
      request: {
        candidates: 77,
        fusion: { weights: { dense: 1, lexical: 2 } },
        rerank: { depth: 9 },
        filter: { must: [{ field: 'lang', op: 'eq', value: 'en' }] },
      },
    })
    expect(run.request.request).toMatchObject({ candidates: 77, rerank: { depth: 9 } })
    const byStage = new Map(asked.map((request) => [stageOf(request), request]))
    expect([...byStage.keys()].toSorted()).toEqual(['dense', 'fused', 'lexical', 'reranked'])
    for (const request of asked)
      expect(request).toMatchObject({
        tenant: headers['x-tenant-id'],
        topK: 20,
        budgetMs: 321,
        candidates: 77,
        filter: { op: 'eq', field: 'lang', value: 'en' },
        fusion: { weights: { dense: 1, lexical: 2 } },
      })
    expect(byStage.get('fused')?.rerank).toBeNull()
    expect(byStage.get('reranked')?.rerank).toEqual({ depth: 9 })
  })

  test('counts the tokens of what was answered where a metric asks for them', async () => {
    const headers = await evals.newTenant(2)
    http.retrieve = ranking(steady({ dense: 1, lexical: 1, fused: 1, reranked: 3 }))
    const metrics = ['hit_rate_tokens@1', 'hit_rate_tokens@100000']
    const { result } = await evals.evaluated(headers, { stages: ['reranked'], metrics })
    const means = metrics.map((metric) => result.stages[0].metrics[metric].mean)
    expect(means).toEqual([0, 1])
  })

  test('takes a sample that stays the same, and none that is larger than what there is', async () => {
    const headers = await evals.newTenant(20)
    http.retrieve = ranking(steady(PERFECT))
    const idsOf = async (sample: number) => {
      const { id, result } = await evals.evaluated(headers, { sample, stages: ['lexical'] })
      const file = await http.call('GET', `${EVALS}/${id}/result`, undefined, headers)
      expect(result.dataset.queries).toBe(Math.min(sample, 20))
      return file.json.queries.map((query: { id: string }) => query.id)
    }
    const five = await idsOf(5)
    expect(await idsOf(5)).toEqual(five)
    const ten = await idsOf(10)
    expect(ten).toEqual(expect.arrayContaining(five))
    expect(await idsOf(40)).toHaveLength(20)
  })

  test('counts what was degraded or failed apart from what was answered', async () => {
    const headers = await evals.newTenant(10)
    const right = ranking(steady(PERFECT))
    http.retrieve = async (request) => {
      if (request.query === 'question 3') throw new QuarryError('unavailable', 'busy')
      const degraded = [{ stage: 'embed', reason: 'deadline', fallback: 'lexical_only' } as const]
      const response = await right(request)
      return request.query === 'question 4' ? { ...response, degraded } : response
    }
    const { result } = await evals.evaluated(headers, { stages: ['fused'] })
    expect(result.stages[0]).toMatchObject({
      answers: { asked: 10, whole: 8, degraded: 1, failed: 1 },
      metrics: { 'ndcg@10': { mean: 1 } },
      as_answered: { 'ndcg@10': 0.9 },
    })
  })

  test('books what it cost to the tenant', async () => {
    const headers = await evals.newTenant(2)
    http.retrieve = ranking(steady(PERFECT))
    await evals.evaluated(headers, { stages: ['dense', 'reranked'] })
    const { json } = await http.call('GET', '/v1/usage', undefined, headers)
    const row = json.usage.find(({ route }: { route: string }) => route === 'POST /v1/evals')
    // Two queries at two stages, asked once before any was measured; each answer says 7 tokens.
    expect(row).toMatchObject({ requests: 1, embed_tokens: 7 * 8 })
  })

  test.each([
    [{ metrics: ['ndgc@10'] }, '/metrics/0', 'no metric is called "ndgc@10"'],
    [{ metrics: ['recall@101'] }, '/metrics/0', 'further than depth 100'],
    [{ k: 20, depth: 10, metrics: ['map'] }, '/k', 'more than depth 10'],
    [{ stages: ['sparse'] }, '/stages/0', 'lexical'],
    [{ sample: 41 }, '/sample', '40'],
    [{ request: { topk: 3 } }, '/request/topk', 'no field'],
    [
      { request: { filter: { must: [{ field: 'a', op: 'is' }] } } },
      '/request/filter/must/0/op',
      'eq',
    ],
  ])('refuses %j', async (more, pointer, detail) => {
    const { status, json } = await http.call('POST', EVALS, { collection: 'docs', ...more })
    expect(status).toBe(400)
    const fault = json.errors.find((error: { pointer: string }) => error.pointer === pointer)
    expect(fault?.detail).toContain(detail)
  })

  test('needs golden queries, not more than one may ask, and one with something relevant', async () => {
    const none = await evals.newTenant(0)
    const empty = await http.call('POST', EVALS, { collection: 'docs' }, none)
    expect(empty.status).toBe(400)
    expect(empty.json.detail).toContain('add some at /v1/golden-queries')
    expect((await http.call('POST', EVALS, { collection: 'nowhere' }, none)).status).toBe(404)
    const many = await evals.newTenant(41)
    const refused = await http.call('POST', EVALS, { collection: 'docs' }, many)
    expect(refused.status).toBe(400)
    expect(refused.json.detail).toContain('send "sample"')
    const judged = await evals.newTenant(2, () => ({ a: 0 }))
    const run = await evals.ended(judged, await evals.start(judged))
    expect(run).toMatchObject({ state: 'failed', result: null })
    expect(run.reason).toContain('judged relevant')
  })

  test('that meets a bug fails, and shows nothing of it but in the log', async () => {
    const headers = await evals.newTenant(1)
    http.retrieve = () => Promise.reject(new TypeError('secret-internal-thing'))
    const run = await evals.ended(headers, await evals.start(headers))
    expect(run).toMatchObject({ state: 'failed', reason: expect.stringMatching(/^internal: /) })
    expect(JSON.stringify(run)).not.toContain('secret-internal-thing')
    expect(JSON.stringify(http.lines)).toContain('secret-internal-thing')
  })
})

describe('comparing two evals', () => {
  const compare = (headers: TenantHeaders, base: string, candidate: string, more: object = {}) =>
    http.call('POST', `${EVALS}:compare`, { base, candidate, ...more }, headers)

  test('tells differences with interval and p, by stage and metric', async () => {
    const headers = await evals.newTenant(30)
    const was = { dense: 1, lexical: 1, fused: 1, reranked: 3 }
    http.retrieve = ranking(steady(was))
    const before = await evals.evaluated(headers)
    // A third of the queries get better at one stage; nothing else changes.
    http.retrieve = ranking((query) => ({ ...was, reranked: /[147]$/.test(query) ? 1 : 3 }))
    const after = await evals.evaluated(headers)
    const { status, json } = await compare(headers, before.id, after.id, { metrics: ['ndcg@10'] })
    expect(status).toBe(200)
    expect(() => comparisonAnswer.parse(json)).not.toThrow()
    expect(json.queries).toEqual({ base: 30, candidate: 30, compared: 30 })
    const by = Object.fromEntries(
      json.differences.map((row: { stage: string }) => [row.stage, row]),
    )
    expect(by['reranked']).toMatchObject({ base: 0.5, queries: 30, better: 9, worse: 0 })
    expect(by['reranked'].difference).toBeCloseTo((9 * 0.5) / 30, 5)
    expect(by['reranked'].low).toBeGreaterThan(0)
    expect(by['reranked'].p).toBeLessThan(0.01)
    expect(by['dense']).toMatchObject({ difference: 0, low: 0, high: 0, p: 1, better: 0, worse: 0 })
    const swapped = await compare(headers, after.id, before.id, { metrics: ['ndcg@10'] })
    expect(swapped.json.differences[3].difference).toBeCloseTo(-(9 * 0.5) / 30, 5)
  })

  test('compares what both asked and judged alike, and refuses where there is nothing', async () => {
    const headers = await evals.newTenant(3)
    http.retrieve = ranking(steady(PERFECT))
    const before = await evals.evaluated(headers, { stages: ['dense'] })
    const put = (id: string, body: object) =>
      http.call('PUT', `/v1/golden-queries/${id}?collection=docs`, body, headers)
    await put('q0', { query: 'question 0', relevant: { 'right-question 0': 2 } })
    await put('q3', { query: 'question 3', relevant: { 'right-question 3': 1 } })
    const after = await evals.evaluated(headers, { stages: ['dense'] })
    const { json } = await compare(headers, before.id, after.id)
    expect(json.queries).toEqual({ base: 3, candidate: 4, compared: 2 })
    await put('q1', { query: 'other 1', relevant: { 'right-question 1': 1 } })
    await put('q2', { query: 'other 2', relevant: { 'right-question 2': 1 } })
    const last = await evals.evaluated(headers, { stages: ['dense'] })
    const nothing = await compare(headers, before.id, last.id)
    expect(nothing.status).toBe(400)
    expect(nothing.json.detail).toContain('no query in common')
    const stage = await compare(headers, before.id, after.id, { stages: ['fused'] })
    expect(stage.json.detail).toContain('"fused" is not in both')
  })
})
