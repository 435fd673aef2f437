import { expect, it } from 'vitest'
import { openProximity } from '../../adapters/rerankers/proximity.ts'
import type { LexicalStatistics } from '../../src/core/lexical-index.ts'
import type { ChunkId, TenantId } from '../../src/core/model.ts'
import type { RerankCandidate } from '../../src/core/reranker.ts'

const tenant = 'acme' as TenantId
const signal = new AbortController().signal

function candidate(id: string, text: string, fusedScore = 1, lexicalScore: number | null = 1) {
  return { id: id as ChunkId, text, context: '', fusedScore, lexicalScore }
}

async function order(
  query: string,
  candidates: readonly RerankCandidate[],
  statistics: LexicalStatistics | null = null,
): Promise<string[]> {
  const { scores } = await openProximity().rerank(query, candidates, {
    tenant,
    signal,
    statistics,
  })
  return [...scores].sort((a, b) => b.score - a.score).map(({ id }) => id)
}

it('prefers passages with more of the query, then those where its words stand together', async () => {
  const filler = Array.from({ length: 30 }, (_, n) => `filler${n}`).join(' ')
  const candidates = [
    candidate('one word', `gateway ${filler}`),
    candidate('apart', `gateway ${filler} timeout`),
    candidate('together', `the gateway timeout ${filler}`),
  ]
  expect(await order('gateway timeout', candidates)).toEqual(['together', 'apart', 'one word'])
})

it('finds words in the context as well', async () => {
  const inContext = { ...candidate('b', 'it is thirty seconds'), context: 'Gateway timeout' }
  expect(await order('gateway timeout', [candidate('a', 'nothing'), inContext])).toEqual(['b', 'a'])
})

it('weighs terms by their rarity for the tenant', async () => {
  const statistics: LexicalStatistics = {
    chunkCount: 1_000,
    documentFrequency: (term) => (term === 'error' ? 900 : 1),
    analyze: (text) => text.toLowerCase().split(' '),
  }
  const candidates = [candidate('common', 'an error'), candidate('rare', 'the E1042')]
  expect(await order('error E1042', candidates, statistics)).toEqual(['rare', 'common'])
})

it('keeps the given order where the words make no difference', async () => {
  const candidates = [
    candidate('a', 'same', 0.03, 9),
    candidate('b', 'same', 0.02, 8),
    candidate('c', 'same', 0.01, null),
  ]
  expect(await order('other words', candidates)).toEqual(['a', 'b', 'c'])
})

it.each(['', '!!!', 'word'])('gives finite scores for the query %j', async (query) => {
  const { scores, documents } = await openProximity().rerank(
    query,
    [candidate('a', 'word'), candidate('b', '', 1, null)],
    { tenant, signal, statistics: null },
  )
  expect(documents).toBe(2)
  expect(scores.every(({ score, relevance }) => Number.isFinite(score) && relevance === null)).toBe(
    true,
  )
})

it('gives what it has when the deadline passes', async () => {
  const controller = new AbortController()
  const text = Array.from({ length: 20_000 }, (_, n) => `word${n}`).join(' ')
  const candidates = Array.from({ length: 60 }, (_, n) => candidate(`c${n}`, text))
  setTimeout(() => controller.abort(), 5)
  const call = { tenant, signal: controller.signal, statistics: null }
  const { scores, documents } = await openProximity().rerank('word1 word2', candidates, call)
  expect(scores.length).toBeGreaterThan(0)
  expect(scores.length).toBeLessThan(60)
  expect(documents).toBe(scores.length)
})

it('scores no candidates', async () => {
  expect(await openProximity().rerank('q', [], { tenant, signal, statistics: null })).toEqual({
    scores: [],
    documents: 0,
  })
})
