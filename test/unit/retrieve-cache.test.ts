import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { QuarryError } from '../../src/core/errors.ts'
import { NO_TOKENS } from '../../src/core/generator.ts'
import type { IndexId, SpaceId, TenantId } from '../../src/core/model.ts'
import { createCaches, LruCache, SharedCache } from '../../src/retrieve/cache.ts'
import { queryVectorKey, resultKey } from '../../src/retrieve/cache-keys.ts'
import type { RetrievalPlan, RetrieveDeps } from '../../src/retrieve/deps.ts'
import type { RetrieveRequest } from '../../src/retrieve/request.ts'
import { retrieve } from '../../src/retrieve/retrieve.ts'
import { failing, slow } from '../support/faults.ts'
import {
  depsOf,
  expansionPlan,
  generatorOf,
  leg,
  type Ports,
  planOf,
  ports,
  profile,
  request,
  reversing,
  scope,
  spied,
} from '../support/retrieval.ts'

const never = new AbortController().signal
const prompt = {
  template: 'default',
  format: 'text',
  maxTokens: 9,
  pinned: [],
  order: 'edges',
} as const

describe('the LRU cache', () => {
  it('holds what was used last, like a list of uses would', () => {
    const use = fc.record({ key: fc.constantFrom(...'abcde'), write: fc.boolean() })
    fc.assert(
      fc.property(fc.array(use), fc.nat(4), (uses, size) => {
        const cache = new LruCache<string>(size)
        let order: string[] = []
        for (const { key, write } of uses) {
          const held = order.includes(key)
          if (write) cache.set(key, key)
          else expect(cache.get(key)).toBe(held ? key : undefined)
          if (write || held) order = [...order.filter((other) => other !== key), key].slice(-size)
          if (size === 0) order = []
        }
        expect(cache.size).toBe(order.length)
      }),
    )
  })
  it('forgets what is deleted', () => {
    const cache = new LruCache<number>(2)
    cache.set('a', 1)
    cache.delete('a')
    expect(cache.get('a')).toBeUndefined()
  })
})

describe('the shared cache', () => {
  it('loads once for all who ask at the same time, and keeps the value', async () => {
    const cache = new SharedCache<number>(10)
    const load = spied(slow(5, async () => 1))
    expect(await Promise.all([cache.get('k', never, load), cache.get('k', never, load)])).toEqual([
      1, 1,
    ])
    expect(await cache.get('k', never, load)).toBe(1)
    expect(load).toHaveBeenCalledTimes(1)
  })
  it('keeps no failure', async () => {
    const cache = new SharedCache<number>(10)
    await expect(cache.get('k', never, failing(new Error('down')))).rejects.toThrow('down')
    expect(await cache.get('k', never, async () => 2)).toBe(2)
  })
  it('keeps nothing with room for nothing', async () => {
    const cache = new SharedCache<number>(0)
    const load = spied(async () => 1)
    await cache.get('k', never, load)
    await cache.get('k', never, load)
    expect(load).toHaveBeenCalledTimes(2)
  })
  it('goes on loading when one who waits gives up, and stops when all have', async () => {
    const cache = new SharedCache<number>(10)
    const [first, second] = [new AbortController(), new AbortController()]
    let aborted: unknown = false
    const load = (signal: AbortSignal) => {
      signal.addEventListener('abort', () => {
        aborted = signal.reason
      })
      return new Promise<number>(() => {})
    }
    const waits = [cache.get('k', first.signal, load), cache.get('k', second.signal, load)]
    const results = Promise.allSettled(waits)
    first.abort(new Error('one'))
    await pause(1)
    expect(aborted).toBe(false)
    second.abort(new Error('two'))
    expect(await results).toMatchObject([
      { reason: { message: 'one' } },
      { reason: { message: 'two' } },
    ])
    expect(aborted).toMatchObject({ message: 'two' })
    expect(await cache.get('k', never, async () => 3)).toBe(3)
  })
})

describe('the query vector’s key', () => {
  const plan = planOf(ports, 1_000)
  const key = (given: RetrievalPlan, query: string, position: string | null, statistics = false) =>
    queryVectorKey(
      given,
      { ...profile, queryUsesStatistics: statistics },
      { text: query, as: 'query' },
      position,
    )
  const other = { ...plan, scope: { ...scope, tenant: 'other' as TenantId } }

  it('differs by tenant, space and query', () => {
    const keys = [
      key(plan, 'q', '1'),
      key(plan, 'r', '1'),
      key(other, 'q', '1'),
      key({ ...plan, space: { id: 'space-2' as SpaceId, name: '' } }, 'q', '1'),
    ]
    expect(new Set(keys).size).toBe(4)
  })
  it('hangs on the index’s position only where the vector does', () => {
    expect(key(plan, 'q', '1')).toBe(key(plan, 'q', '2'))
    expect(key(plan, 'q', '1', true)).not.toBe(key(plan, 'q', '2', true))
    expect(key(plan, 'q', null)).not.toBeNull()
    expect(key(plan, 'q', null, true)).toBeNull()
  })
})

describe('the result’s key', () => {
  const plan = planOf({ ...ports, reranker: reversing() }, 1_000)
  const asked = request()
  const base = resultKey(plan, asked, '1')

  const requests: Partial<RetrieveRequest>[] = [
    { query: 'other' },
    { topK: 4 },
    { filter: { op: 'exists', field: 'x' } },
    { mmr: { lambda: 0.5 } },
    { groupBy: { field: 'x', size: 1 } },
    { expand: { before: 1, after: 0 } },
    { dedupe: false },
    { minRelevance: 0.5 },
    { explain: true },
  ]
  it.each(requests)('differs by the request’s %o', (changes) => {
    expect(resultKey(plan, { ...asked, ...changes }, '1')).not.toBe(base)
  })
  const plans: Partial<RetrievalPlan>[] = [
    { scope: { ...scope, tenant: 'other' as TenantId } },
    { scope: { ...scope, index: 'docs-2' as IndexId } },
    { dense: null },
    { lexical: null },
    { rerank: null },
    { rerank: { model: 'test', reranker: reversing(), depth: 7 } },
    { rerank: { model: 'twin', reranker: reversing(), depth: 50 } },
    { candidates: 7 },
    { fusion: { method: 'convex', k: 60, weights: { dense: 1, lexical: 1 } } },
    { expansion: expansionPlan(generatorOf('other words')) },
  ]
  it.each(plans.map((changes) => [Object.keys(changes)[0], changes] as const))(
    'differs by the plan’s %s',
    (_name, changes) => {
      expect(resultKey({ ...plan, ...changes }, asked, '1')).not.toBe(base)
    },
  )
  it('differs by the index’s position, and is none where that is unknown', () => {
    expect(resultKey(plan, asked, '2')).not.toBe(base)
    expect(resultKey(plan, asked, null)).toBeNull()
  })
  it('does not differ by what changes no full answer', () => {
    const changes = {
      budgetMs: 1,
      onDegraded: 'fail',
      require: ['dense'],
      minVersion: 1n,
      prompt,
    } as const
    expect(resultKey(plan, { ...asked, ...changes }, '1')).toBe(base)
  })
})

describe('a retrieval with caches', () => {
  const twice = async (changes: Partial<Ports>, asked: Partial<RetrieveRequest> = {}) => {
    const dense = spied(async () => leg('ab'))
    const deps: RetrieveDeps = depsOf({ ...ports, dense, ...changes })
    const first = await retrieve(request(asked), deps)
    const second = await retrieve(request(asked), deps)
    return { first, second, searches: dense.mock.calls.length }
  }

  it('answers a repeated one from the cache, as a retrieval of its own', async () => {
    const { first, second, searches } = await twice({})
    expect(searches).toBe(1)
    expect(second.hits).toEqual(first.hits)
    expect(second.retrievalId).not.toBe(first.retrievalId)
    expect(Object.keys(second.timingsMs)).toEqual(['plan', 'total'])
    expect(second.usage).toEqual({
      embedTokens: 0,
      generated: NO_TOKENS,
      rerankDocuments: 0,
      cache: 'hit',
      queryVectorCache: 'unused',
    })
  })
  it('searches again, with the vector it has, when the index has moved', async () => {
    let position = 0
    const freshness = { waitApplied: async () => true, position: () => String(position++) }
    const { second, searches } = await twice({ deps: { freshness } })
    expect(searches).toBe(2)
    expect(second.usage).toMatchObject({ cache: 'miss', queryVectorCache: 'hit', embedTokens: 0 })
  })
  it('makes each its own prompt, from the hits that it kept', async () => {
    let fence = 0
    const assemble: RetrieveDeps['assemble'] = async ({ hits }) => ({
      format: 'text',
      body: { fence: fence++, ids: hits.map(({ id }) => id).join('') },
      tokens: 1,
      tokenizer: 'words',
      citations: [],
      dropped: [],
      prefixHash: '',
    })
    const { first, second, searches } = await twice({ deps: { assemble } }, { prompt })
    expect(searches).toBe(1)
    expect(first.prompt?.body).toEqual({ fence: 0, ids: 'bac' })
    expect(second.prompt?.body).toEqual({ fence: 1, ids: 'bac' })
  })
  it('keeps no degraded answer', async () => {
    const rerank = failing(new QuarryError('unavailable', 'down'))
    const { searches } = await twice({ reranker: { ...reversing(), rerank } })
    expect(searches).toBe(2)
  })
  it('keeps no answer longer than the limit', async () => {
    const limits = { queryCacheEntries: 9, resultCacheEntries: 9, resultCacheChars: 26 }
    const { searches } = await twice({ deps: { caches: createCaches(limits) } })
    expect(searches).toBe(2)
    const enough = createCaches({ ...limits, resultCacheChars: 27 })
    expect((await twice({ deps: { caches: enough } })).searches).toBe(1)
  })
  it('never answers one tenant with what another asked', async () => {
    const deps = depsOf(ports)
    const ask = (tenant: string) =>
      retrieve(request(), {
        ...deps,
        planFor: async () => ({
          ...planOf(ports, 1_000),
          scope: { ...scope, tenant: tenant as TenantId },
        }),
      })
    await ask('one')
    expect((await ask('two')).usage).toMatchObject({ cache: 'miss', queryVectorCache: 'miss' })
  })
})
