import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { byScoreThenId, type Candidate } from '../../src/core/model.ts'
import { fuse } from '../../src/retrieve/fuse.ts'
import type { FusionSettings } from '../../src/retrieve/request.ts'
import { candidates, chunkId } from '../support/retrieval.ts'

const rrf: FusionSettings = { method: 'rrf', k: 60, weights: { dense: 1, lexical: 1 } }
const convex: FusionSettings = { ...rrf, method: 'convex' }
const idsOf = (list: readonly { readonly id: string }[]) => list.map(({ id }) => id).join('')

const scores = fc.uniqueArray(
  fc.record({
    id: fc.constantFrom(...'abcdefghij'),
    score: fc.double({ min: -5, max: 5, noNaN: true }),
  }),
  { selector: ({ id }) => id, maxLength: 10 },
)
const ranked = scores.map((list): Candidate[] =>
  list.map(({ id, score }) => ({ id: chunkId(id), score })).sort(byScoreThenId),
)
/** As BM25 has them. */
const positive = ranked.map((list) => list.map((each) => ({ ...each, score: each.score + 6 })))
const method = fc.constantFrom(rrf, convex)

describe('fusion by any method', () => {
  it('gives every candidate once, best first, ties by id', () => {
    fc.assert(
      fc.property(ranked, ranked, method, (dense, lexical, settings) => {
        const fused = fuse({ dense, lexical }, settings)
        expect(fused).toEqual([...fused].sort(byScoreThenId))
        const ids = new Set([...dense, ...lexical].map(({ id }) => id))
        expect(fused.map(({ id }) => id).toSorted()).toEqual([...ids].toSorted())
      }),
    )
  })
  it('scores are the sum of the contributions', () => {
    fc.assert(
      fc.property(ranked, ranked, method, (dense, lexical, settings) => {
        for (const { score, dense: d, lexical: l } of fuse({ dense, lexical }, settings))
          expect(score).toBe((d?.contribution ?? 0) + (l?.contribution ?? 0))
      }),
    )
  })
  it('never ranks a candidate lower for being better in one leg', () => {
    fc.assert(
      fc.property(ranked, ranked, method, fc.nat(9), (dense, lexical, settings, at) => {
        const raised = dense[at]
        if (raised === undefined) return
        const better = [
          { ...raised, score: (dense[0]?.score ?? 0) + 1 },
          ...dense.filter(({ id }) => id !== raised.id),
        ]
        const placeIn = (list: readonly Candidate[]) =>
          fuse({ dense: list, lexical }, settings).findIndex(({ id }) => id === raised.id)
        expect(placeIn(better)).toBeLessThanOrEqual(placeIn(dense))
      }),
    )
  })
  it('counts a candidate that a leg names twice by its better place', () => {
    const fused = fuse({ dense: candidates('aba'), lexical: null }, rrf)
    expect(fused.map(({ id, dense }) => [id, dense?.rank])).toEqual([
      ['a', 1],
      ['b', 2],
    ])
  })
})

describe('reciprocal rank fusion', () => {
  it('adds weight / (k + rank), rank from 1, and nothing for an absentee', () => {
    const settings: FusionSettings = { method: 'rrf', k: 10, weights: { dense: 2, lexical: 1 } }
    const fused = fuse({ dense: candidates('ab'), lexical: candidates('bc') }, settings)
    expect(fused.map(({ id, score }) => [id, score])).toEqual([
      ['b', 2 / 12 + 1 / 11],
      ['a', 2 / 11],
      ['c', 1 / 12],
    ])
  })
  it('sees ranks only: any rising change of a leg’s scores leaves it alone', () => {
    fc.assert(
      fc.property(ranked, ranked, (dense, lexical) => {
        const stretched = dense.map(({ id, score }) => ({ id, score: Math.exp(score) * 100 + 3 }))
        expect(idsOf(fuse({ dense: stretched, lexical }, rrf))).toBe(
          idsOf(fuse({ dense, lexical }, rrf)),
        )
      }),
    )
  })
  it('treats equally weighted legs alike', () => {
    fc.assert(
      fc.property(ranked, ranked, (x, y) => {
        const one = fuse({ dense: x, lexical: y }, rrf)
        const other = fuse({ dense: y, lexical: x }, rrf)
        expect(idsOf(one)).toBe(idsOf(other))
      }),
    )
  })
  it('puts what both legs found above what one found at the same ranks', () => {
    expect(idsOf(fuse({ dense: candidates('ab'), lexical: candidates('cb') }, rrf))).toBe('bac')
  })
  it('lets a heavier leg win', () => {
    const heavy = { ...rrf, weights: { dense: 0.5, lexical: 1 } }
    expect(idsOf(fuse({ dense: candidates('ab'), lexical: candidates('cd') }, heavy))).toBe('cdab')
  })
})

describe('convex combination', () => {
  const list = (...pairs: [string, number][]): Candidate[] =>
    pairs.map(([id, score]) => ({ id: chunkId(id), score }))

  const scoresOf = (...given: Parameters<typeof fuse>) =>
    fuse(...given).map(({ id, score }) => [id, Number(score.toFixed(6))])

  it('averages by weight: dense scores over their range, lexical ones as shares of the best', () => {
    const settings: FusionSettings = { ...convex, weights: { dense: 3, lexical: 1 } }
    const dense = list(['a', 0.9], ['b', 0.8], ['c', 0.5])
    const lexical = list(['b', 12], ['d', 4])
    expect(scoresOf({ dense, lexical }, settings)).toEqual([
      ['b', 0.8125],
      ['a', 0.75],
      ['d', 0.083333],
      ['c', 0],
    ])
  })
  it('measures a lexical list that was cut from its last, since others may score as much', () => {
    const lexical = list(['a', 10], ['b', 8], ['c', 6])
    const lone: FusionSettings = { ...convex, weights: { dense: 0, lexical: 1 } }
    expect(scoresOf({ dense: null, lexical, depth: 3 }, lone)).toEqual([
      ['a', 0.4],
      ['b', 0.2],
      ['c', 0],
    ])
    expect(scoresOf({ dense: null, lexical, depth: 4 }, lone)).toEqual([
      ['a', 1],
      ['b', 0.8],
      ['c', 0.6],
    ])
  })
  it('leaves the order to the vectors where words hardly tell candidates apart', () => {
    const dense = list(['b', 0.9], ['a', 0.7], ['c', 0.6])
    const vague = list(['a', 5.02], ['b', 5.01], ['c', 5])
    const sharp = list(['a', 9], ['b', 2], ['c', 1])
    expect(idsOf(fuse({ dense, lexical: vague, depth: 3 }, convex))).toBe('bac')
    expect(idsOf(fuse({ dense, lexical: sharp, depth: 3 }, convex))).toBe('abc')
  })
  it('counts a lone candidate, and each of equal ones, as 1', () => {
    expect(fuse({ dense: list(['a', -3]), lexical: null }, convex)[0]?.score).toBe(0.5)
    expect(fuse({ dense: null, lexical: list(['a', 3]) }, convex)[0]?.score).toBe(0.5)
    const equal = fuse({ dense: list(['a', 2], ['b', 2]), lexical: null }, convex)
    expect(equal.map(({ score }) => score)).toEqual([0.5, 0.5])
  })
  it('does not depend on a leg’s unit or zero', () => {
    fc.assert(
      fc.property(ranked, positive, fc.integer({ min: 1, max: 64 }), (dense, lexical, factor) => {
        const scaled = dense.map(({ id, score }) => ({ id, score: score * factor }))
        const one = fuse({ dense, lexical }, convex)
        for (const { id, score } of fuse({ dense: scaled, lexical }, convex))
          expect(score).toBeCloseTo(one.find((other) => other.id === id)?.score ?? -1, 9)
      }),
    )
  })
  it('stays within [0, 1]', () => {
    fc.assert(
      fc.property(ranked, positive, (dense, lexical) => {
        for (const { score } of fuse({ dense, lexical }, convex)) {
          expect(score).toBeGreaterThanOrEqual(0)
          expect(score).toBeLessThanOrEqual(1)
        }
      }),
    )
  })
})

describe('lists of other wordings', () => {
  const rewritten = [
    { leg: 'dense', candidates: candidates('da'), weight: 0.25 },
    { leg: 'dense', candidates: candidates('d'), weight: 0.25 },
    { leg: 'lexical', candidates: candidates('dd'), weight: 0.5 },
  ] as const
  const lists = { dense: candidates('ab'), lexical: candidates('b'), rewritten }

  it('add their share of their leg’s weight, each candidate once a list', () => {
    const settings = { method: 'rrf', k: 60, weights: { dense: 2, lexical: 1 } } as const
    const byId = new Map(fuse(lists, settings).map((candidate) => [candidate.id, candidate]))
    const d = byId.get(chunkId('d'))
    expect(d?.rewrite?.lists).toBe(3)
    expect(d?.score).toBeCloseTo((0.5 + 0.5 + 0.5) / 61, 12)
    expect(d).toMatchObject({ dense: null, lexical: null })
    expect(byId.get(chunkId('a'))?.score).toBeCloseTo(2 / 61 + 0.5 / 62, 12)
    expect(byId.get(chunkId('b'))?.rewrite).toBeNull()
  })
  it('keep a convex score within [0, 1], and reach 1 only where every list agrees', () => {
    const settings = { method: 'convex', k: 60, weights: { dense: 1, lexical: 1 } } as const
    const fused = fuse(lists, settings)
    for (const { score } of fused) expect(score).toBeLessThan(1)
    const agreeing = {
      dense: candidates('ab'),
      lexical: candidates('a'),
      rewritten: [{ leg: 'dense', candidates: candidates('ab'), weight: 0.5 }] as const,
    }
    expect(fuse(agreeing, settings)[0]).toMatchObject({ id: 'a', score: 1 })
  })
  it('change nothing when there are none', () => {
    const settings = { method: 'convex', k: 60, weights: { dense: 1, lexical: 3 } } as const
    expect(fuse({ ...lists, rewritten: [] }, settings)).toEqual(
      fuse({ dense: lists.dense, lexical: lists.lexical }, settings),
    )
  })
})
