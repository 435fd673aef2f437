import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { openHttpReranker } from '../../adapters/rerankers/http.ts'
import type { HttpRerankerOptions } from '../../adapters/rerankers/options.ts'
import type { ChunkId, TenantId } from '../../src/core/model.ts'
import {
  type Answer,
  type FakeServer,
  hang,
  json,
  startFakeServer,
} from '../support/fake-server.ts'

const call = {
  tenant: 'acme' as TenantId,
  signal: new AbortController().signal,
  statistics: null,
  denseShare: 0,
}
let server: FakeServer

beforeAll(async () => {
  server = await startFakeServer()
})
afterAll(async () => {
  await server.close()
})
beforeEach(() => {
  server.received.length = 0
})

const candidates = ['a', 'bb', 'ccc'].map((text) => ({
  id: `id-${text}` as ChunkId,
  text,
  context: 'Guide',
  fusedScore: 1,
  denseScore: null,
}))
const documents = ['Guide\na', 'Guide\nbb', 'Guide\nccc']

const open = (options: Partial<HttpRerankerOptions> = {}) =>
  openHttpReranker({ shape: 'cohere', url: `${server.url}/rerank`, model: 'r', ...options })

/** Best first and without regard to the order of the documents, as servers answer. */
const ranked = [
  { index: 2, relevance_score: 0.9 },
  { index: 0, relevance_score: 0.5 },
  { index: 1, relevance_score: 0.1 },
]
const expected = [
  { id: 'id-ccc', score: 0.9, relevance: 0.9 },
  { id: 'id-a', score: 0.5, relevance: 0.5 },
  { id: 'id-bb', score: 0.1, relevance: 0.1 },
]

it.each([
  ['cohere', { results: ranked }, { model: 'r', query: 'q', documents, top_n: 3 }],
  ['voyage', { data: ranked }, { model: 'r', query: 'q', documents, top_k: 3 }],
  [
    'tei',
    ranked.map(({ index, relevance_score }) => ({ index, score: relevance_score })),
    { query: 'q', texts: documents, truncate: true },
  ],
  [
    'nim',
    {
      rankings: ranked.map(({ index, relevance_score }) => ({
        index,
        logit: Math.log(relevance_score / (1 - relevance_score)),
      })),
    },
    { model: 'r', query: { text: 'q' }, passages: documents.map((text) => ({ text })) },
  ],
] as const)('speaks the shape of %s', async (shape, answer, body) => {
  server.answer(json(answer))
  const reranked = await open({ shape, api_key: 'k' }).rerank('q', candidates, call)
  expect(reranked.documents).toBe(3)
  expect(reranked.scores).toEqual(
    expected.map(({ id, score, relevance }) => ({
      id,
      score: expect.closeTo(score, 9),
      relevance: expect.closeTo(relevance, 9),
    })),
  )
  expect(server.received[0]?.body).toMatchObject(body)
  expect(server.received[0]?.headers['authorization']).toBe('Bearer k')
})

it('calls no score relevance where the model is not calibrated', async () => {
  server.answer(json({ results: ranked }))
  const reranker = open({ calibrated: false })
  expect(reranker.calibrated).toBe(false)
  const { scores } = await reranker.rerank('q', candidates, call)
  expect(scores.map(({ relevance }) => relevance)).toEqual([null, null, null])
})

const byLength: Answer = (response, received) => {
  const { documents } = received.body as { documents: string[] }
  const results = documents.map((text, index) => ({ index, relevance_score: text.length / 100 }))
  json({ results })(response, received)
}

it('splits what one call does not take and puts the answers together', async () => {
  server.answer(byLength)
  const { scores } = await open({ documents_max: 2 }).rerank('q', candidates, call)
  expect(server.received).toHaveLength(2)
  expect(scores.map(({ id, score }) => [id, score])).toEqual([
    ['id-a', 0.07],
    ['id-bb', 0.08],
    ['id-ccc', 0.09],
  ])
})

it.each([
  ['an index too many', [...ranked, { index: 3, relevance_score: 1 }]],
  ['a repeated index', ranked.map((entry) => ({ ...entry, index: 0 }))],
  ['a missing document', ranked.slice(1)],
  ['an index out of range', ranked.map((entry) => ({ ...entry, index: entry.index + 1 }))],
  ['a score that is no number', ranked.map(({ index }) => ({ index, relevance_score: 'high' }))],
])('refuses an answer with %s', async (_name, results) => {
  server.answer(json({ results }))
  await expect(open().rerank('q', candidates, call)).rejects.toMatchObject({
    code: 'upstream_failed',
  })
})

it('asks nothing for no candidates', async () => {
  expect(await open().rerank('q', [], call)).toEqual({ scores: [], documents: 0 })
  expect(server.received).toEqual([])
})

it('settles at the deadline before a server that hangs, and tells of its circuit', async () => {
  server.answer(hang)
  const states: string[] = []
  const reranker = openHttpReranker(
    { shape: 'tei', url: server.url, model: 'r', timeout_ms: 50, breaker_failures: 1 },
    { onBreaker: (name, state) => states.push(`${name} ${state}`) },
  )
  const hurried = { ...call, signal: AbortSignal.timeout(10) }
  await expect(reranker.rerank('q', candidates, hurried)).rejects.toMatchObject({
    code: 'deadline_exceeded',
  })
  await expect(reranker.rerank('q', candidates, call)).rejects.toMatchObject({ retryable: true })
  await expect(reranker.rerank('q', candidates, call)).rejects.toMatchObject({
    details: { reason: 'circuit_open' },
  })
  expect(states).toEqual(['reranker r open'])
})

it('reports health from a call of its own', async () => {
  server.answer(json({ results: [{ index: 0, relevance_score: 1 }] }))
  await open().checkHealth(call.signal)
  server.answer(json({}, 503))
  await expect(open().checkHealth(call.signal)).rejects.toMatchObject({ code: 'upstream_failed' })
})

it('refuses an answer longer than `response_bytes`', async () => {
  server.answer(json({ results: ranked, padding: 'x'.repeat(5_000) }))
  const { scores } = await open().rerank('q', candidates, call)
  expect(scores).toHaveLength(3)
  const short = open({ response_bytes: 1_024 }).rerank('q', candidates, call)
  await expect(short).rejects.toMatchObject({ code: 'upstream_failed' })
})
