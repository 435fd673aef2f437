import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Answered, Evaluation } from '../../eval/evaluate.ts'
import { parseMetric } from '../../eval/metrics/parse-metric.ts'
import { foldsOf } from '../../eval/tune/folds.ts'
import { fusionGrid } from '../../eval/tune/fusion-grid.ts'
import { tune, type Variant } from '../../eval/tune/tune.ts'
import type { ChunkId } from '../../src/core/model.ts'
import { fuse } from '../../src/retrieve/fuse.ts'
import { seededRandom } from '../support/random.ts'

const metric = parseMetric('ndcg@10')
const EQUAL = { method: 'rrf', k: 60, weights: { dense: 1, lexical: 1 } } as const
const options = { metric, folds: 5, seed: 3 }

function answered(ids: readonly string[]): Answered {
  const hits = ids.map((id, at) => ({
    chunk: id,
    document: id,
    score: 1 - at / ids.length,
    title: null,
    text: '',
  }))
  return {
    hits,
    documents: hits.map(({ document, score }) => ({ id: document, score })),
    degraded: [],
    latencyMs: 1,
    timingsMs: {},
    cached: false,
    failure: null,
  }
}

/** Legs that have the right document at the top for these shares of the queries. */
function variantOf(
  name: string,
  queries: number,
  rightShare: { readonly dense: number; readonly lexical: number },
  seed = 1,
): Variant {
  const random = seededRandom(seed)
  const list = (id: string, share: number): string[] => {
    const others = Array.from({ length: 30 }, () => `x${Math.floor(random() * 1_000)}`)
    return random() < share ? [`right-${id}`, ...others] : others
  }
  return made(name, queries, (leg, id) => list(id, rightShare[leg]))
}

/** Legs that have nothing in common; the right document is in one of them by the toss of a coin, at any place. */
function noiseOf(queries: number, seed: number): Variant {
  const random = seededRandom(seed)
  const inDense = new Set(
    Array.from({ length: queries }, (_, at) => `q${at}`).filter(() => random() < 0.5),
  )
  return made('now', queries, (leg, id) => {
    const others = Array.from({ length: 30 }, (_, at) => `x-${leg}${at}`)
    if (inDense.has(id) === (leg === 'dense'))
      others.splice(Math.floor(random() * 12), 0, `right-${id}`)
    return others
  })
}

function made(
  name: string,
  queries: number,
  listOf: (leg: 'dense' | 'lexical', id: string) => readonly string[],
): Variant {
  const ids = Array.from({ length: queries }, (_, at) => `q${at}`)
  const made = (which: 'dense' | 'lexical'): Map<string, Answered> =>
    new Map(ids.map((id) => [id, answered([...new Set(listOf(which, id))])]))
  const legs = { dense: made('dense'), lexical: made('lexical') }
  const candidatesOf = (answer: Answered | undefined) =>
    (answer?.hits ?? []).map(({ chunk, score }) => ({ id: chunk as ChunkId, score }))
  const fused = new Map(
    ids.map((id) => {
      const dense = candidatesOf(legs.dense.get(id))
      const lexical = candidatesOf(legs.lexical.get(id))
      return [id, answered(fuse({ dense, lexical }, EQUAL).map((each) => each.id))]
    }),
  )
  const evaluation: Evaluation = {
    dataset: {
      name,
      queries: ids.map((id) => ({ id, text: id })),
      qrels: new Map(ids.map((id) => [id, new Map([[`right-${id}`, 1]])])),
      corpus: async function* () {},
    },
    target: { kind: 'passages', name, settings: {} },
    depth: 100,
    stages: new Map([
      ['dense', legs.dense],
      ['lexical', legs.lexical],
      ['fused', fused],
    ]),
    missing: new Map(),
    neighbours: new Map(),
  }
  return { name, policy: name === 'now' ? {} : { name }, evaluation }
}

describe('tuning', () => {
  it('gives the weight to the leg that is right, and says what that gains', async () => {
    const tuned = await tune([variantOf('now', 200, { dense: 0.05, lexical: 0.9 })], options)
    const { weights } = tuned.best.fusion
    expect(weights.lexical).toBeGreaterThan(weights.dense)
    expect(tuned.best.mean).toBeGreaterThan(tuned.current)
    expect(tuned.gain.difference).toBeGreaterThan(0)
    expect(tuned.isBetter).toBe(true)
    expect(tuned.legs.lexical).toBeGreaterThan(0.8)
    expect(tuned.legs.dense).toBeLessThan(0.2)
    expect(tuned.byFold).toHaveLength(5)
  })

  it('finds no gain in noise, though the best on the same queries looks better', async () => {
    let wins = 0
    for (let seed = 1; seed <= 10; seed++) {
      const noise = noiseOf(60, seed)
      const tuned = await tune([noise], { ...options, seed })
      expect(tuned.best.mean).toBeGreaterThanOrEqual(tuned.current)
      expect(tuned.gain.difference).toBeLessThanOrEqual(tuned.best.mean - tuned.current + 1e-9)
      if (tuned.isBetter) wins += 1
    }
    expect(wins).toBeLessThanOrEqual(2)
  })

  it('chooses another way of indexing where that is what helps', async () => {
    const now = variantOf('now', 100, { dense: 0.3, lexical: 0.3 })
    const other = variantOf('k1 1.2', 100, { dense: 0.3, lexical: 0.95 }, 2)
    const tuned = await tune([now, other], options)
    expect(tuned.best).toMatchObject({ variant: 'k1 1.2', policy: { name: 'k1 1.2' } })
    expect(tuned.isBetter).toBe(true)
  })

  it('refuses what it can say nothing about', async () => {
    const few = variantOf('now', 19, { dense: 1, lexical: 1 })
    await expect(tune([few], options)).rejects.toMatchObject({ code: 'invalid_request' })
    const now = variantOf('now', 40, { dense: 1, lexical: 1 })
    const others = variantOf('other', 41, { dense: 1, lexical: 1 })
    await expect(tune([now, others], options)).rejects.toThrow(/other queries/)
    const lame = new Map(now.evaluation.stages)
    lame.delete('dense')
    const without = { ...now, evaluation: { ...now.evaluation, stages: lame } }
    await expect(tune([without], options)).rejects.toThrow(/no dense stage/)
  })
})

describe('the parts of tuning', () => {
  it('folds hold everything once and are of one size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 2, max: 12 }), (n, k) => {
        const folds = foldsOf(n, k, 5)
        expect(folds.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i))
        const sizes = folds.map(({ length }) => length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }),
    )
    expect(foldsOf(50, 5, 1)).not.toEqual(foldsOf(50, 5, 2))
  })

  it('the grid has each leg alone, and no more candidates than were asked for', () => {
    const weights = fusionGrid(100).map(({ fusion }) => fusion.weights)
    expect(weights).toContainEqual({ dense: 0, lexical: 1 })
    expect(weights).toContainEqual({ dense: 1, lexical: 0 })
    expect(Math.max(...fusionGrid(100).map(({ candidates }) => candidates))).toBe(100)
    expect(new Set(fusionGrid(30).map(({ candidates }) => candidates))).toEqual(new Set([30]))
  })
})
