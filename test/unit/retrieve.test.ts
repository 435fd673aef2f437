import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { QuarryError } from '../../src/core/errors.ts'
import { NO_TOKENS } from '../../src/core/generator.ts'
import type { RetrieveDeps } from '../../src/retrieve/deps.ts'
import type { RetrieveRequest } from '../../src/retrieve/request.ts'
import { retrieve } from '../../src/retrieve/retrieve.ts'
import { inFakeTime } from '../support/fake-time.ts'
import { failing, hanging, slow } from '../support/faults.ts'
import {
  chunk,
  chunkId,
  chunkReader,
  depsOf,
  leg,
  type Ports,
  ports,
  request,
  reranker,
  reversing,
  scope,
  spied,
} from '../support/retrieval.ts'

const ask = (changes: Partial<Ports> = {}, asked: Partial<RetrieveRequest> = {}) =>
  inFakeTime(retrieve(request(asked), depsOf({ ...ports, ...changes })))

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const idsOf = (response: { readonly hits: readonly { readonly id: string }[] }) =>
  response.hits.map(({ id }) => id).join('')

const down = failing(new QuarryError('upstream_failed', 'it is down'))
const prompt = {
  template: 'default',
  format: 'text',
  maxTokens: 100,
  pinned: [],
  order: 'edges',
} as const

describe('a retrieval', () => {
  it('fuses both legs, reranks the head, and assembles the prompt from the hits', async () => {
    const got = await ask({ reranker: reversing() }, { prompt })
    expect(idsOf(got)).toBe('cab')
    expect(got.prompt?.body).toEqual({ text: 'c a b' })
    expect(got.degraded).toEqual([])
    expect(got.index).toEqual({ id: scope.index, space: 'test/two@1:2' })
    expect(got.retrievalId).toMatch(/^ret_[0-9a-f]{30}$/)
    expect(got.usage).toEqual({
      embedTokens: 7,
      generated: NO_TOKENS,
      rerankDocuments: 3,
      cache: 'miss',
      queryVectorCache: 'miss',
    })
  })

  it('names the time of every stage that ran, and of no other', async () => {
    const got = await ask({ reranker: reversing() }, { prompt, expand: { before: 1, after: 0 } })
    expect(Object.keys(got.timingsMs).toSorted()).toEqual(
      'assemble dense embed expand fuse lexical plan read rerank total'.split(' '),
    )
    const lexicalOnly = await ask({ dense: null })
    expect(Object.keys(lexicalOnly.timingsMs)).not.toContain('embed')
    for (const ms of Object.values(got.timingsMs)) expect(ms).toBe(Math.round(ms * 100) / 100)
  })

  it('explains each hit by its places in the legs and in the reranking', async () => {
    const got = await ask({ reranker: reversing() }, { explain: true })
    expect(got.hits.at(-1)).toMatchObject({
      id: 'b',
      score: 1 / 62 + 1 / 61,
      relevance: 0.01,
      explain: {
        dense: { rank: 2, score: 1, contribution: 1 / 62 },
        lexical: { rank: 1, score: 2, contribution: 1 / 61 },
        rerank: { score: -4.9, rank: 3 },
      },
    })
    expect(got.hits[0]?.explain?.dense).toBeNull()
    expect((await ask()).hits[0]?.explain).toBeNull()
  })

  it('asks each leg for the plan’s candidates with the request’s filter, in its scope', async () => {
    const filter = { op: 'exists', field: 'lang' } as const
    const dense = spied(async () => leg('a'))
    const lexical = spied(async () => leg('a'))
    await ask({ dense, lexical, plan: { candidates: 42 } }, { filter })
    const vector = Float32Array.of(1, 0)
    expect(dense).toHaveBeenCalledWith(scope, { vector, k: 42, filter }, expect.any(AbortSignal))
    const text = 'what is it?'
    expect(lexical).toHaveBeenCalledWith(scope, { text, k: 42, filter }, expect.any(AbortSignal))
  })

  it('has no hits and no failure where nothing is found', async () => {
    const empty = async () => leg('')
    const got = await ask({ dense: empty, lexical: empty, reranker: reversing() })
    expect(got).toMatchObject({ hits: [], degraded: [] })
    expect(got.timingsMs.rerank).toBeUndefined()
  })

  it('leaves out candidates whose chunk is not this tenant’s, counts them, and fills up from below', async () => {
    const counted: number[] = []
    const chunks = chunkReader([chunk('b'), chunk('d')])
    const got = await ask({
      lexical: async () => leg('abcd'),
      chunks,
      reranker: reversing(),
      deps: { onUnreadable: (_scope, count) => counted.push(count) },
    })
    expect(idsOf(got)).toBe('db')
    expect(got.degraded).toEqual([])
    expect(counted).toEqual([2])
  })

  it('reads on below the first hits as long as duplicates leave places empty', async () => {
    const same = [...'abcdefg'].map((id) => chunk(id, { text: 'one and the same long passage' }))
    const chunks = chunkReader([...same, chunk('h')])
    const found = { dense: null, lexical: async () => leg('abcdefgh'), chunks }
    expect(idsOf(await ask(found, { topK: 2 }))).toBe('ah')
    expect(idsOf(await ask(found, { topK: 2, dedupe: false }))).toBe('ab')
  })

  it('reports a leg that found too few, and that hits are missing only when they are', async () => {
    const underFilled = { returned: 2, wanted: 100, reason: 'scan_limit' } as const
    const dense = async () => ({ ...leg('ab'), underFilled })
    const full = await ask({ dense }, { topK: 3 })
    expect(full).toMatchObject({ underFilled, degraded: [] })
    const short = await ask({ dense }, { topK: 4 })
    expect(short.degraded).toMatchObject([{ reason: 'under_filled', fallback: 'fewer_hits' }])
  })
})

describe('min_relevance', () => {
  const half = reranker(({ id }) => (id === 'a' ? 0.9 : 0.1))
  it('keeps what a calibrated reranker finds relevant enough', async () => {
    const got = await ask({ reranker: half }, { minRelevance: 0.5 })
    expect(got.hits.map(({ id, relevance }) => [id, relevance])).toEqual([['a', 0.9]])
  })
  it('keeps nothing that was ranked below the reranker’s depth', async () => {
    const plan = { rerank: { model: 'half', reranker: half, depth: 2 } }
    expect(idsOf(await ask({ plan }, { minRelevance: 0.05 }))).toBe('ab')
  })
  it('can’t apply when the reranker failed: hits are kept and it is said', async () => {
    const got = await ask({ reranker: { ...half, rerank: down } }, { minRelevance: 0.5 })
    expect(idsOf(got)).toBe('bac')
    expect(got.degraded).toMatchObject([{ stage: 'rerank', fallback: 'fused_order' }])
  })
})

describe('min_version', () => {
  const waiting = (waitApplied: RetrieveDeps['freshness']['waitApplied']): Partial<Ports> => ({
    deps: { freshness: { waitApplied, position: () => null } },
  })
  it('waits for the write before it searches', async () => {
    const order: string[] = []
    const waitApplied = slow(5, async () => order.push('applied') > 0)
    const lexical = async () => {
      order.push('searched')
      return leg('a')
    }
    const got = await ask({ ...waiting(waitApplied), lexical }, { minVersion: 3n })
    expect(order).toEqual(['applied', 'searched'])
    expect(got.degraded).toEqual([])
  })
  it('answers from the stale index when the write does not come in time, and says so', async () => {
    for (const late of [hanging, async () => false]) {
      const got = await ask(waiting(late), { minVersion: 3n, budgetMs: 100 })
      expect(idsOf(got)).toBe('bac')
      expect(got.degraded).toMatchObject([
        { stage: 'fresh', reason: 'stale', fallback: 'stale_index' },
      ])
    }
  })
  it('fails when freshness is required', async () => {
    const asked = { minVersion: 3n, require: ['fresh'] as const }
    await expect(
      ask(
        waiting(async () => false),
        asked,
      ),
    ).rejects.toMatchObject({
      code: 'deadline_exceeded',
      details: { degraded: [{ stage: 'fresh', reason: 'stale' }] },
    })
  })
})

describe('an answer without a stage', () => {
  it('comes lexically and in fused order inside 100 ms when embedder and reranker hang', async () => {
    const startedMs = performance.now()
    const got = await ask(
      { embed: hanging, reranker: { ...reversing(), rerank: hanging } },
      { budgetMs: 100, prompt },
    )
    expect(performance.now() - startedMs).toBeLessThan(100)
    expect(got.timingsMs.total).toBeLessThan(100)
    expect(idsOf(got)).toBe('bc')
    expect(got.prompt?.body).toEqual({ text: 'b c' })
    expect(got.degraded).toMatchObject([
      { stage: 'embed', reason: 'deadline', fallback: 'lexical_only' },
      { stage: 'rerank', reason: 'deadline', fallback: 'fused_order' },
    ])
  })

  it('is refused by on_degraded: fail, naming what was missing', async () => {
    const asked = { onDegraded: 'fail' as const }
    await expect(ask({ embed: down }, asked)).rejects.toMatchObject({
      code: 'upstream_failed',
      details: { degraded: [{ stage: 'embed', reason: 'upstream_failed' }] },
    })
    await expect(ask({ dense: hanging }, { ...asked, budgetMs: 50 })).rejects.toMatchObject({
      code: 'deadline_exceeded',
    })
  })

  it('is refused when the missing stage is required, and given when another one is', async () => {
    const broken = { embed: down, reranker: reversing() }
    await expect(ask(broken, { require: ['dense'] })).rejects.toMatchObject({
      code: 'upstream_failed',
    })
    const got = await ask(broken, { require: ['lexical', 'rerank'] })
    expect(idsOf(got)).toBe('cb')
  })

  it('is no answer when every leg asked failed: 504 if all were late, 503 otherwise', async () => {
    const late = { budgetMs: 60 }
    await expect(ask({ embed: hanging, lexical: hanging }, late)).rejects.toMatchObject({
      code: 'deadline_exceeded',
      details: { degraded: [{ reason: 'deadline' }, { reason: 'deadline' }] },
    })
    await expect(ask({ embed: hanging, lexical: down }, late)).rejects.toMatchObject({
      code: 'unavailable',
    })
    await expect(ask({ lexical: null, dense: down })).rejects.toMatchObject({
      code: 'unavailable',
      message: 'no search leg answered: dense upstream_failed',
    })
  })

  it('says when the plan refused a leg, and has none when no other was asked', async () => {
    const refused = [
      { stage: 'dense', reason: 'space_mismatch', fallback: 'lexical_only' },
    ] as const
    const got = await ask({ dense: null, plan: { refused } })
    expect(idsOf(got)).toBe('bc')
    expect(got.degraded).toEqual(refused)
    await expect(ask({ dense: null, lexical: null, plan: { refused } })).rejects.toMatchObject({
      code: 'unavailable',
      retryable: false,
    })
  })

  it('takes an index that a store does not have for one that is not built there yet', async () => {
    const missing = failing(new QuarryError('not_found', 'no such index'))
    expect((await ask({ dense: missing })).degraded).toMatchObject([
      { stage: 'dense', reason: 'unavailable' },
    ])
  })

  it('tells an open circuit breaker and a rate limit apart from other trouble', async () => {
    const open = new QuarryError('unavailable', 'open', { details: { reason: 'circuit_open' } })
    expect((await ask({ embed: failing(open) })).degraded).toMatchObject([
      { reason: 'circuit_open' },
    ])
    const limited = new QuarryError('rate_limited', 'slow down')
    expect((await ask({ embed: failing(limited) })).degraded).toMatchObject([
      { reason: 'rate_limited' },
    ])
  })

  it('has the hits read so far when reading on fails', async () => {
    const chunks = chunkReader([chunk('b'), chunk('a'), chunk('c', { text: 'passage a' })])
    let reads = 0
    const readChunks: typeof chunks.readChunks = (...args) =>
      ++reads === 1 ? chunks.readChunks(...args) : down()
    const got = await ask({ chunks: { ...chunks, readChunks }, dense: async () => leg('abdefgh') })
    expect(got.degraded).toMatchObject([{ stage: 'read', fallback: 'fewer_hits' }])
    expect(idsOf(got)).toBe('ba')
  })
})

describe('a partial reranking', () => {
  it('moves only what was scored, and says how many', async () => {
    const some = reranker(() => 0, {
      rerank: async () => ({
        documents: 2,
        scores: [
          { id: chunkId('b'), score: 1, relevance: null },
          { id: chunkId('c'), score: 2, relevance: null },
        ],
      }),
    })
    const got = await ask({ reranker: some }, { require: ['rerank'] })
    expect(idsOf(got)).toBe('cab')
    expect(got.degraded).toEqual([
      {
        stage: 'rerank',
        reason: 'partial',
        fallback: 'fused_order',
        detail: '2 of 3 candidates were scored in time',
      },
    ])
  })
  it('may be handed over when the signal aborts, shortly before the deadline', async () => {
    const untilAborted = reranker(() => 0, {
      rerank: (_query, [first], { signal }) =>
        new Promise((resolve) => {
          const scores = first === undefined ? [] : [{ id: first.id, score: 1, relevance: 1 }]
          signal.addEventListener('abort', () => resolve({ scores, documents: 1 }))
        }),
    })
    const got = await ask({ reranker: untilAborted }, { budgetMs: 200 })
    expect(got.degraded).toMatchObject([{ stage: 'rerank', reason: 'partial' }])
    expect(got.usage.rerankDocuments).toBe(1)
  })
  it('that is not to be trusted is not used', async () => {
    const strange = [
      { id: chunkId('x'), score: 1, relevance: null },
      { id: chunkId('a'), score: Number.NaN, relevance: null },
    ]
    for (const score of strange) {
      const rerank = async () => ({ scores: [score], documents: 1 })
      const got = await ask({ reranker: reranker(() => 0, { rerank }) })
      expect(idsOf(got)).toBe('bac')
      expect(got.degraded).toMatchObject([{ stage: 'rerank', reason: 'upstream_failed' }])
    }
  })
})

describe('the caller’s end', () => {
  it('aborts what runs, at once', async () => {
    const caller = new AbortController()
    const told: string[] = []
    const watched = (name: string) => (_a: unknown, _b: unknown, signal: AbortSignal) => {
      signal.addEventListener('abort', () => told.push(name))
      return hanging()
    }
    setTimeout(() => caller.abort(new Error('gone')), 20)
    const asked = { signal: caller.signal, budgetMs: 30_000 }
    await expect(
      ask({ dense: watched('dense'), lexical: watched('lexical') }, asked),
    ).rejects.toThrow('gone')
    expect(told.toSorted()).toEqual(['dense', 'lexical'])
  })

  it('is never mistaken for an upstream’s failure', async () => {
    const caller = new AbortController()
    const reason = new QuarryError('unavailable', 'the server stops')
    setTimeout(() => caller.abort(reason), 10)
    const deps = { assemble: hanging }
    await expect(ask({ deps }, { signal: caller.signal, prompt })).rejects.toBe(reason)
  })

  it('a bug in one leg aborts the other', async () => {
    let aborted = false
    const lexical = (_scope: unknown, _query: unknown, signal: AbortSignal) => {
      signal.addEventListener('abort', () => {
        aborted = true
      })
      return hanging()
    }
    await expect(
      ask({ dense: failing(new TypeError('bug')), lexical }, { budgetMs: 30_000 }),
    ).rejects.toThrow('bug')
    expect(aborted).toBe(true)
  })

  it('no timer outlives the answer', async () => {
    await ask({ reranker: reversing() }, { minVersion: 1n, prompt })
    await ask({ embed: hanging, reranker: { ...reversing(), rerank: hanging } }, { prompt })
    expect(vi.getTimerCount()).toBe(0)
  })
})
