import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fuse } from '../../src/retrieve/fuse.ts'
import { reorder } from '../../src/retrieve/rerank.ts'
import { retrieve } from '../../src/retrieve/retrieve.ts'
import {
  candidates,
  chunkId,
  depsOf,
  leg,
  type Ports,
  ports,
  request,
  reranker,
  spied,
} from '../support/retrieval.ts'

const fused = fuse(
  { dense: candidates('abcdef'), lexical: null },
  { method: 'rrf', k: 60, weights: { dense: 1, lexical: 1 } },
)
const score = (id: string, value: number) => ({ id: chunkId(id), score: value, relevance: null })
const idsOf = (list: readonly { readonly id: string }[]) => list.map(({ id }) => id).join('')

describe('reordering by a reranker', () => {
  it('orders a scored head and leaves the tail', () => {
    expect(idsOf(reorder(fused, [score('a', 1), score('b', 2), score('c', 3)]))).toBe('cbadef')
  })
  it('keeps the place of what was not scored between what was', () => {
    expect(idsOf(reorder(fused, [score('a', 1), score('c', 2), score('e', 3)]))).toBe('ebcdaf')
  })
  it('keeps the fused order between equal scores', () => {
    expect(
      idsOf(
        reorder(
          fused,
          [...'abcdef'].map((id) => score(id, 0)),
        ),
      ),
    ).toBe('abcdef')
  })
  it('never moves an unscored candidate, never loses one, and ranks scores from 1', () => {
    const some = fc.uniqueArray(
      fc.record({ id: fc.constantFrom(...'abcdef'), value: fc.integer({ min: 0, max: 3 }) }),
      { selector: ({ id }) => id },
    )
    fc.assert(
      fc.property(some, (picked) => {
        const got = reorder(
          fused,
          picked.map(({ id, value }) => score(id, value)),
        )
        expect(got.map(({ id }) => id).toSorted()).toEqual(fused.map(({ id }) => id).toSorted())
        for (const [at, { id, rerank }] of got.entries())
          if (rerank === null) expect(fused[at]?.id).toBe(id)
        const ranks = got.flatMap(({ rerank }) => (rerank === null ? [] : [rerank.rank]))
        expect(ranks).toEqual(ranks.map((_, at) => at + 1))
      }),
    )
  })
})

describe('what a reranker is told', () => {
  const told = async (changes: Partial<Ports>) => {
    const rerank = spied(reranker(() => 0.5).rerank)
    const given: Ports = { ...ports, reranker: reranker(() => 0.5, { rerank }), ...changes }
    await retrieve(request(), depsOf(given))
    const [, list = [], call] = rerank.mock.calls[0] ?? []
    return { dense: list.map(({ id, denseScore }) => [id, denseScore]), share: call?.denseShare }
  }
  const fusion = { method: 'rrf', k: 60, weights: { dense: 0.25, lexical: 1 } } as const

  it('is the dense leg’s score of each candidate, and how far fusion trusts that leg', async () => {
    const { dense, share } = await told({ plan: { fusion } })
    expect(dense.toSorted()).toEqual([
      ['a', 2],
      ['b', 1],
      ['c', null],
    ])
    expect(share).toBe(0.2)
  })

  it('is to trust the dense leg the further the better its best is, as fusion does', async () => {
    const dense = [
      { score: 1, weight: 0.25 },
      { score: 3, weight: 7.75 },
    ] as const
    const plan = { fusion: { ...fusion, weights: { dense, lexical: 1 } } }
    expect((await told({ plan })).share).toBe(0.8)
    expect((await told({ plan, dense: async () => leg('a') })).share).toBe(0.2)
    const response = await retrieve(request({ explain: true }), depsOf({ ...ports, plan }))
    expect(response.hits[0]?.explain?.dense?.contribution).toBeCloseTo(4 / 61)
  })
  it('is to trust the dense leg wholly when it is alone, and not at all when it is not asked', async () => {
    expect((await told({ lexical: null, plan: { fusion } })).share).toBe(1)
    expect((await told({ dense: null, plan: { fusion } })).share).toBe(0)
  })
})
