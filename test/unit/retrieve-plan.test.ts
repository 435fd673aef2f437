import { describe, expect, it } from 'vitest'
import type { Collection } from '../../src/catalog/catalog.ts'
import { collectionPolicySchema } from '../../src/catalog/policy.ts'
import { QuarryError } from '../../src/core/errors.ts'
import type { IndexId, SpaceId } from '../../src/core/model.ts'
import { planRetrieval, reservesFor } from '../../src/retrieve/plan.ts'
import { createPlanner, type PlannerSources } from '../../src/retrieve/planner.ts'
import type { RetrieveRequest } from '../../src/retrieve/request.ts'
import { failing, hanging } from '../support/faults.ts'
import {
  chunkReader,
  denseStore,
  collection as id,
  lexicalIndex,
  limits,
  planOf,
  ports,
  profile,
  request,
  reranker,
  spied,
  tenant,
} from '../support/retrieval.ts'

const store = denseStore(hanging)
const lexical = lexicalIndex(hanging)
const plain = reranker(() => 0, { name: 'late-interaction', calibrated: false })
const judge = reranker(() => 0, { name: 'judge', calibrated: true })
const embedder = {
  profile: { ...profile, suggestedDenseWeight: 0.4 },
  embedQuery: hanging,
  embedPassages: hanging,
  checkHealth: hanging,
  close: hanging,
}
const sources: Omit<PlannerSources, 'readCollection'> = {
  embedders: new Map([['small', embedder]]),
  stores: new Map([['local', store]]),
  rerankers: new Map([
    ['late-interaction', plain],
    ['judge', judge],
  ]),
  generators: new Map(),
  lexical,
  chunks: chunkReader([]),
  spaceOf: () => 'space-1' as SpaceId,
  limits,
}

function collectionWith(
  policy: object = {},
  serving: Partial<Collection['serving']> = {},
): Collection {
  return {
    id,
    policy: collectionPolicySchema.parse({ embedder: 'small', ...policy }),
    createdAt: new Date(0),
    serving: {
      collection: id,
      index: 'docs-1' as IndexId,
      space: {
        id: 'space-1' as SpaceId,
        name: 'test/two@1:2',
        embedder: 'small',
        dimensions: 2,
        chunking: 'c1',
      },
      store: 'local',
      spec: {
        dense: { dimensions: 2, metric: 'cosine', algorithm: { kind: 'auto' } },
        lexical: { analyzer: 'english', k1: 0.9, b: 0.4 },
      },
      state: 'live',
      ...serving,
    },
  }
}

const plan = (
  asked: Partial<RetrieveRequest> = {},
  collection = collectionWith(),
  from: Partial<PlannerSources> = {},
) => planRetrieval(collection, tenant, request(asked), { ...sources, ...from })

const codeOf = (work: () => unknown): string => {
  try {
    work()
  } catch (cause) {
    if (cause instanceof QuarryError) return cause.code
    throw cause
  }
  return 'none'
}

describe('a plan', () => {
  it('takes the policy where the request is silent', () => {
    const made = plan()
    expect(made).toMatchObject({
      scope: { tenant, collection: id, index: 'docs-1' },
      space: { id: 'space-1', name: 'test/two@1:2' },
      candidates: 100,
      fusion: { method: 'convex', k: 60, weights: { dense: 0.4, lexical: 1 } },
      rerank: { depth: 50 },
      refused: [],
    })
    expect(made.dense).toEqual({ store, embedder })
    expect(made.lexical).toBe(lexical)
    expect(made.rerank?.reranker).toBe(plain)
  })
  it('takes the request’s word over the policy’s', () => {
    const made = plan({
      candidates: 30,
      fusion: { method: 'convex', weights: { dense: 2, lexical: 3 } },
      rerank: { model: 'judge', depth: 5 },
    })
    expect(made).toMatchObject({
      candidates: 30,
      fusion: { method: 'convex', k: 60, weights: { dense: 2, lexical: 3 } },
      rerank: { depth: 5 },
    })
    expect(made.rerank?.reranker).toBe(judge)
    expect(plan({ rerank: null }).rerank).toBeNull()
    expect(plan({ rerank: { depth: 5 } }).rerank).toEqual({
      model: 'late-interaction',
      reranker: plain,
      depth: 5,
    })
  })
  it('takes the policy’s weights over the embedder’s suggestion', () => {
    const weights = { dense: 3, lexical: 2 }
    expect(plan({}, collectionWith({ fusion: { weights } })).fusion.weights).toEqual(weights)
  })
  it('weighs the dense leg by how far the embedder is at home in the query', () => {
    const foreign = { ...embedder, coverage: (text: string) => (text.startsWith('what') ? 0.5 : 0) }
    const knowing = { ...sources, embedders: new Map([['small', foreign]]) }
    const planned = (wishes: Partial<RetrieveRequest>, collection = collectionWith()) =>
      planRetrieval(collection, tenant, request(wishes), knowing)
    expect(planned({ query: 'what now' }).fusion.weights).toEqual({ dense: 0.2, lexical: 1 })
    expect(planned({ query: 'wer da' })).toMatchObject({ dense: null, refused: [] })
    expect(planned({ query: 'wer da', require: ['dense'] }).fusion.weights.dense).toBe(0.4)
    const weights = { dense: 3, lexical: 2 }
    const stated = collectionWith({ fusion: { weights } })
    expect(planned({ query: 'wer da' }, stated).fusion.weights).toEqual(weights)
    const { spec } = collectionWith().serving
    const denseOnly = collectionWith({}, { spec: { ...spec, lexical: null } })
    expect(planned({ query: 'wer da' }, denseOnly).dense).not.toBeNull()
  })
  it('lets what the dense leg weighs hang on what it will find', () => {
    const suggestedDenseWeight = [
      { score: 0.5, weight: 0.5 },
      { score: 1, weight: 2 },
    ] as const
    const unsure = {
      ...embedder,
      profile: { ...profile, suggestedDenseWeight },
      coverage: (text: string) => (text === 'who' ? 0.5 : 0),
    }
    const knowing = { ...sources, embedders: new Map([['small', unsure]]) }
    const planned = (query: string) =>
      planRetrieval(collectionWith(), tenant, request({ query }), knowing)
    expect(planned('who').fusion.weights.dense).toEqual([
      { score: 0.5, weight: 0.25 },
      { score: 1, weight: 1 },
    ])
    expect(planned('wer')).toMatchObject({ dense: null, refused: [] })
  })
  it('never proposes fewer candidates than hits are asked', () => {
    expect(plan({ topK: 50, candidates: 10 }).candidates).toBe(50)
  })

  it('asks the legs of its mode, and keeps the term counts at hand', () => {
    expect(plan({ mode: 'dense' })).toMatchObject({ lexical: null, statistics: lexical })
    expect(plan({ mode: 'lexical' }).dense).toBeNull()
  })
  it('does not ask, in hybrid, a leg that weighs nothing or that the index lacks', () => {
    const unweighted = plan({ fusion: { weights: { dense: 0, lexical: 1 } } })
    expect(unweighted).toMatchObject({ dense: null, refused: [] })
    const { spec } = collectionWith().serving
    const denseOnly = collectionWith({}, { spec: { ...spec, lexical: null } })
    expect(plan({}, denseOnly)).toMatchObject({ lexical: null, statistics: null, refused: [] })
    expect(codeOf(() => plan({ mode: 'lexical' }, denseOnly))).toBe('unsupported')
    const none = { fusion: { weights: { dense: 0, lexical: 0 } } }
    expect(codeOf(() => plan(none))).toBe('invalid_request')
  })
  it('weighs a lone leg 1, whatever hybrid would give it', () => {
    const made = plan({ mode: 'dense', fusion: { weights: { dense: 0, lexical: 1 } } })
    expect(made.fusion.weights).toEqual({ dense: 1, lexical: 1 })
    expect(made.dense).not.toBeNull()
  })

  it('refuses the dense leg when the embedder’s space is not the index’s', () => {
    const made = plan({}, collectionWith(), { spaceOf: () => 'space-2' as SpaceId })
    expect(made.dense).toBeNull()
    expect(made.refused).toMatchObject([{ stage: 'dense', reason: 'space_mismatch' }])
    expect(made.refused[0]?.detail).toContain('space-2')
  })
  it('refuses what the config no longer has, and says so', () => {
    const nothing = { embedders: new Map(), stores: new Map(), rerankers: new Map() }
    for (const gone of ['embedders', 'stores'] as const)
      expect(plan({}, collectionWith(), { [gone]: nothing[gone] })).toMatchObject({
        dense: null,
        refused: [{ stage: 'dense', reason: 'unavailable' }],
      })
    expect(plan({}, collectionWith(), { rerankers: nothing.rerankers })).toMatchObject({
      rerank: null,
      refused: [{ stage: 'rerank', reason: 'unavailable', fallback: 'fused_order' }],
    })
  })

  it('refuses a reranker that nobody configured, naming those there are', () => {
    expect(() => plan({ rerank: { model: 'x' } })).toThrow(
      'configured: "late-interaction", "judge"',
    )
    const none = collectionWith({ rerank: { model: null } })
    expect(codeOf(() => plan({ rerank: { depth: 3 } }, none))).toBe('invalid_request')
    expect(plan({}, none).rerank).toBeNull()
  })
  it('refuses min_relevance without a calibrated reranker, naming the remedy', () => {
    const remedy = 'name a calibrated reranker in rerank.model'
    expect(() => plan({ minRelevance: 0.5 })).toThrow(remedy)
    expect(() => plan({ minRelevance: 0.5, rerank: null })).toThrow(remedy)
    expect(codeOf(() => plan({ minRelevance: 0.5 }))).toBe('unsupported')
    expect(codeOf(() => plan({ minRelevance: 0.5, rerank: { model: 'judge' } }))).toBe('none')
  })
  it('refuses to require what the request does not use', () => {
    expect(codeOf(() => plan({ mode: 'lexical', require: ['dense'] }))).toBe('invalid_request')
    expect(codeOf(() => plan({ rerank: null, require: ['rerank'] }))).toBe('invalid_request')
    expect(codeOf(() => plan({ require: ['fresh'] }))).toBe('invalid_request')
    expect(codeOf(() => plan({ minVersion: 1n, require: ['fresh', 'dense'] }))).toBe('none')
  })
})

describe('reserves', () => {
  it('shrink with what follows, and leave most of the budget to the search', () => {
    for (const budgetMs of [5, 100, 1_000, 30_000]) {
      const reserve = reservesFor(budgetMs, true, limits)
      const falling = [
        reserve.afterFresh,
        reserve.afterLegs,
        reserve.afterRerank,
        reserve.afterRead,
        reserve.afterExpand,
        reserve.afterAssemble,
      ]
      expect(falling).toEqual(falling.toSorted((a, b) => b - a))
      expect(reserve.afterLegs).toBeLessThanOrEqual(0.45 * budgetMs)
      expect(reserve.afterAssemble).toBeGreaterThan(0)
    }
    expect(reservesFor(1_000, false, limits).afterLegs).toBeLessThan(
      reservesFor(1_000, true, limits).afterLegs,
    )
  })
})

describe('the planner', () => {
  function planning(readCollection: () => Promise<Collection | null>) {
    let nowMs = 0
    const read = spied(readCollection)
    const planner = createPlanner({ ...sources, readCollection: read, clock: () => nowMs })
    return {
      read,
      invalidate: () => planner.invalidate(id),
      plan: (asked: Partial<RetrieveRequest> = {}) => planner.planFor(tenant, id, request(asked)),
      pass: (ms: number) => {
        nowMs += ms
      },
    }
  }
  const soon = () => new Promise((resolve) => setImmediate(resolve))

  it('reads a collection once for a burst, and again in the background before it is too old', async () => {
    const { read, plan: make, pass } = planning(async () => collectionWith())
    await Promise.all([make(), make()])
    pass(400)
    await make()
    expect(read).toHaveBeenCalledTimes(1)
    pass(200)
    await make()
    await soon()
    pass(600)
    await make()
    expect(read).toHaveBeenCalledTimes(3)
  })
  it('follows the alias within a second, and at once when told', async () => {
    let index = 'docs-1'
    const {
      plan: make,
      pass,
      invalidate,
    } = planning(async () => collectionWith({}, { index: index as IndexId }))
    await make()
    index = 'docs-2'
    expect((await make()).scope.index).toBe('docs-1')
    pass(1_000)
    expect((await make()).scope.index).toBe('docs-2')
    index = 'docs-3'
    invalidate()
    expect((await make()).scope.index).toBe('docs-3')
  })
  it('keeps nothing of a reading that a change overtook', async () => {
    const answers: ((collection: Collection) => void)[] = []
    const {
      read,
      plan: make,
      invalidate,
    } = planning(() => new Promise((resolve) => answers.push(resolve)))
    const before = make()
    invalidate()
    const after = make()
    answers[1]?.(collectionWith({}, { index: 'new' as IndexId }))
    answers[0]?.(collectionWith({}, { index: 'old' as IndexId }))
    expect((await after).scope.index).toBe('new')
    await before
    expect((await make()).scope.index).toBe('new')
    expect(read).toHaveBeenCalledTimes(2)
  })
  it('does not know a collection that is not there, nor remember that', async () => {
    const { read, plan: make } = planning(async () => null)
    await expect(make()).rejects.toMatchObject({ code: 'not_found' })
    await expect(make()).rejects.toMatchObject({ code: 'not_found' })
    expect(read).toHaveBeenCalledTimes(2)
  })
  it('serves on from what it knows when the catalog fails or hangs, and says so', async () => {
    const down = failing(new QuarryError('unavailable', 'no connection'))
    for (const [fault, reason] of [
      [down, 'unavailable'],
      [hanging, 'deadline'],
    ] as const) {
      let answer: () => Promise<Collection | null> = async () => collectionWith()
      const { plan: make, pass } = planning(() => answer())
      await make()
      answer = fault
      pass(5_000)
      expect((await make({ budgetMs: 100 })).refused).toMatchObject([
        { stage: 'plan', reason, fallback: 'stale_index' },
      ])
    }
  })
  it('does not serve on from what is gone, nor hide a bug', async () => {
    let answer: () => Promise<Collection | null> = async () => collectionWith()
    const { plan: make, pass } = planning(() => answer())
    await make()
    pass(5_000)
    answer = failing(new TypeError('bug'))
    await expect(make()).rejects.toThrow('bug')
    answer = async () => null
    await expect(make()).rejects.toMatchObject({ code: 'not_found' })
  })
})

it('the tests’ own plan is one that the planner would make', () => {
  expect(Object.keys(planOf(ports, 100)).toSorted()).toEqual(Object.keys(plan()).toSorted())
})
