import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  compileKernels,
  digestSources,
  renderArtefact,
} from '../../adapters/kernels/assembly-script.ts'
import { SOURCES_SHA256 } from '../../adapters/rerankers/kernels/artefact.ts'
import { ARTEFACT, SOURCES } from '../../adapters/rerankers/kernels/build.ts'
import { openDotKernel } from '../../adapters/rerankers/kernels/dot-kernel.ts'
import { openInteraction } from '../../adapters/rerankers/late-interaction/interaction.ts'
import { openLateInteraction } from '../../adapters/rerankers/late-interaction.ts'
import type { Interaction } from '../../adapters/rerankers/lexical/rerank.ts'
import { RunTable } from '../../adapters/rerankers/lexical/run-table.ts'
import { openLexical } from '../../adapters/rerankers/lexical.ts'
import { shippedModelPath } from '../../adapters/static-model/artefact.ts'
import { openStaticModel, type StaticModel } from '../../adapters/static-model/open-static-model.ts'
import type { ChunkId, TenantId } from '../../src/core/model.ts'
import type { RerankCall, RerankCandidate, Reranker } from '../../src/core/reranker.ts'

const call: RerankCall = {
  tenant: 'acme' as TenantId,
  signal: new AbortController().signal,
  statistics: null,
  denseShare: 0,
}

function candidate(id: string, text: string, context = ''): RerankCandidate {
  return { id: id as ChunkId, text, context, fusedScore: 1, denseScore: null }
}

/** How well a whole passage meets each query. */
function meeting({ tokenize, meet }: Interaction, query: string) {
  const open = meet(query)
  const table = new RunTable((run) => ({ terms: [], tokens: tokenize(run) }))
  return ({ context, text }: RerankCandidate): number => {
    open.begin()
    for (const run of `${context} ${text}`.split(/\s+/))
      if (run !== '') open.addRun(table, table.at(run, 0, run.length, new Map()))
    return open.similarity()
  }
}

describe('the compiled kernel', () => {
  it('is that of the sources', () => {
    expect(SOURCES_SHA256).toBe(digestSources(SOURCES))
    expect(readFileSync(ARTEFACT, 'utf8')).toBe(renderArtefact(SOURCES, compileKernels(SOURCES)))
  }, 60_000)

  it('gives the same integers with SIMD and without', () => {
    const inputs = fc.record({
      dimensions: fc.integer({ min: 1, max: 70 }),
      rows: fc.integer({ min: 0, max: 9 }),
      queries: fc.integer({ min: 0, max: 5 }),
      numbers: fc.array(fc.integer({ min: -127, max: 127 }), { minLength: 1, maxLength: 97 }),
    })
    fc.assert(
      fc.property(inputs, ({ dimensions, rows, queries, numbers }) => {
        const products = [false, true].map((scalar) => {
          const table = Int8Array.from({ length: rows * dimensions }, (_, i) => {
            return numbers[i % numbers.length] ?? 0
          })
          const kernel = openDotKernel({ dimensions, rows: table, queriesMax: 5, scalar })
          for (let i = 0; i < kernel.queries.length; i += 1)
            kernel.queries[i] = numbers[(i * 7 + 3) % numbers.length] ?? 0
          return Array.from({ length: rows }, (_, row) => [
            ...kernel.dotRow(row, queries).subarray(0, queries),
          ])
        })
        expect(products[0]).toEqual(products[1])
        expect(products[0]).toHaveLength(rows)
      }),
      { numRuns: 60 },
    )
  })

  it('multiplies each row with each query', () => {
    const rows = Int8Array.of(1, 2, 3, -127, 0, 5)
    const kernel = openDotKernel({ dimensions: 3, rows, queriesMax: 2 })
    kernel.queries.set([1, 1, 1], 0)
    kernel.queries.set([127, 0, -2], kernel.stride)
    expect([...kernel.dotRow(0, 2)]).toEqual([6, 121])
    expect([...kernel.dotRow(1, 2)]).toEqual([-122, -127 * 127 - 10])
  })
})

describe('late interaction', () => {
  let model: StaticModel
  let reranker: Reranker
  beforeAll(async () => {
    model = await openStaticModel(await shippedModelPath())
    reranker = await openLateInteraction()
  })

  it('is MaxSim: the best cosine of each of the query’s tokens, by its weight', () => {
    const [query, passage] = ['car price', 'a cheap automobile for sale']
    const vectorsOf = (text: string) =>
      [...new Set(model.tokens.encode(text, 100))].map((id) => {
        const row = model.rows.subarray(id * model.dimensions, (id + 1) * model.dimensions)
        const length = Math.hypot(...row)
        return { unit: [...row].map((x) => x / length), weight: length * (model.scales[id] ?? 0) }
      })
    const dot = (a: readonly number[], b: readonly number[]) =>
      a.reduce((sum, x, j) => sum + x * (b[j] ?? 0), 0)
    const tokens = vectorsOf(query)
    const total = tokens.reduce((sum, { weight }) => sum + weight, 0)
    const expected = tokens.reduce((sum, { unit, weight }) => {
      const best = Math.max(0, ...vectorsOf(passage).map((token) => dot(unit, token.unit)))
      return sum + (weight / total) * best
    }, 0)
    for (const scalar of [false, true])
      expect(
        meeting(openInteraction(model, { scalar }), query)(candidate('a', passage)),
      ).toBeCloseTo(expected, 10)
  })

  it('is 1 for what holds every token, whatever stands around it, and reads the context', () => {
    const meet = meeting(openInteraction(model), 'gateway timeout')
    expect(meet(candidate('a', 'the timeout of a gateway'))).toBeCloseTo(1, 12)
    expect(meet(candidate('b', 'thirty seconds', 'Gateway timeout'))).toBeCloseTo(1, 12)
    expect(meet(candidate('c', 'bananas are yellow'))).toBeLessThan(0.8)
  })

  it('keeps queries apart that take turns', () => {
    const open = openInteraction(model)
    const [first, second] = [meeting(open, 'gateway timeout'), meeting(open, 'yellow bananas')]
    const passages = [candidate('a', 'gateway'), candidate('b', 'bananas')]
    const turns = passages.map((each) => [first(each), second(each)])
    const alone = ['gateway timeout', 'yellow bananas'].map((query) =>
      passages.map(meeting(open, query)),
    )
    expect(turns.map(([x]) => x)).toEqual(alone[0])
    expect(turns.map(([, x]) => x)).toEqual(alone[1])
  })

  it('finds a passage that says it in other words, where words alone see no difference', async () => {
    const candidates = [
      candidate('other', 'bananas are yellow and grow in bunches'),
      candidate('answer', 'automobiles for sale at a discount'),
    ]
    const orderBy = async (by: Reranker) => {
      const { scores } = await by.rerank('cheap car', candidates, call)
      return [...scores].sort((a, b) => b.score - a.score).map(({ id }) => id)
    }
    expect(await orderBy(reranker)).toEqual(['answer', 'other'])
    expect(await orderBy(openLexical())).toEqual(['other', 'answer'])
  })

  it('looks for other words among the first twenty alone', async () => {
    const firstWith = async (place: number) => {
      const candidates = Array.from({ length: 30 }, (_, i) =>
        candidate(`c${i}`, 'bananas are yellow and grow in bunches'),
      )
      candidates[place] = candidate('answer', 'automobiles for sale at a discount')
      const { scores } = await reranker.rerank('cheap car', candidates, call)
      return [...scores].sort((x, y) => y.score - x.score)[0]?.id
    }
    expect(await firstWith(19)).toBe('answer')
    expect(await firstWith(20)).not.toBe('answer')
  })

  it.each(['', '!!!', '退款', '\u{1f600}'])('takes any query: %j', async (query) => {
    const candidates = [candidate('a', ''), candidate('b', '退款 \u{1f600}'), candidate('c', 'x')]
    const { scores, documents } = await reranker.rerank(query, candidates, call)
    expect(documents).toBe(3)
    for (const { score } of scores) expect(Number.isFinite(score)).toBe(true)
  })

  it('refuses what is no model', async () => {
    await expect(openLateInteraction({ model: 'package.json' })).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringMatching(/not a static model/),
    })
  })
})
