import { describe, expect, it } from 'vitest'
import { compareResults } from '../../eval/compare.ts'
import { GATE_DEFAULTS, gate } from '../../eval/gate.ts'
import type { EvalResult } from '../../eval/result/schema.ts'
import type { Dataset } from '../../eval/types.ts'
import { answerOf, datasetOf, evaluated, resultOf, targetOf } from '../support/evaluations.ts'

const ids = Array.from({ length: 80 }, (_, at) => `q${at}`)
const dataset = datasetOf(Object.fromEntries(ids.map((id) => [id, 'a'])))

/** The first `wrong` queries find the right document in the second place, the others in the first. */
async function resultWith(wrong: number, of: Dataset = dataset): Promise<EvalResult> {
  const late = new Set(ids.slice(0, wrong).map((id) => `text of ${id}`))
  const answer = (query: string): string => (late.has(query) ? 'b a' : 'a b')
  return resultOf(await evaluated(of, targetOf({ fused: () => 'a b', reranked: answer })))
}

const good = await resultWith(0)
const worse = await resultWith(40)
const slightly = await resultWith(2)

describe('comparing two results', () => {
  it('gives the difference by stage and metric, with interval and p', async () => {
    const found = await compareResults(good, worse, { stages: ['reranked'], metrics: ['ndcg@10'] })
    const half = (1 - 1 / Math.log2(3)) / 2
    expect(found).toHaveLength(1)
    expect(found[0]).toMatchObject({ before: 1, queries: 80, better: 0, worse: 40 })
    expect(found[0]?.difference).toBeCloseTo(-half, 4)
    expect(found[0]?.high).toBeLessThan(-0.1)
    expect(found[0]?.p).toBeLessThan(0.001)
  })

  it('finds no difference between equals', async () => {
    const found = await compareResults(worse, worse)
    expect(found.map(({ stage }) => stage)).toContain('fused')
    expect(found.every(({ difference, p }) => difference === 0 && p === 1)).toBe(true)
  })

  it('refuses other queries, other judgments and what one of the two lacks', async () => {
    const refusal = (after: EvalResult, options = {}) =>
      compareResults(good, after, options).then(
        () => 'compared',
        (error: Error) => error.message,
      )
    const fewer = datasetOf(Object.fromEntries(ids.slice(1).map((id) => [id, 'a'])))
    expect(await refusal(await resultWith(0, fewer))).toMatch(/asked other queries.*80.*79/)
    const judged = datasetOf(Object.fromEntries(ids.map((id) => [id, 'a b'])))
    expect(await refusal(await resultWith(0, judged))).toMatch(/judgments of tiny changed.*80.*160/)
    expect(await refusal(worse, { metrics: ['map'] })).toMatch(/metric "map" is not in both/)
  })
})

describe('the gate', () => {
  const asked = (changes = {}) => ({ ...GATE_DEFAULTS, ...changes })

  it('is closed by a sure fall and open for none, for a gain and for what may be chance', async () => {
    expect((await gate(good, worse, asked())).holds).toBe(false)
    expect((await gate(good, good, asked())).holds).toBe(true)
    expect((await gate(worse, good, asked())).holds).toBe(true)
    expect((await gate(good, slightly, asked({ margin: 0 }))).holds).toBe(true)
    expect((await gate(good, worse, asked({ margin: 0.3 }))).holds).toBe(true)
  })

  it('asks for proof of no harm when it is told to', async () => {
    const strict = asked({ proof: 'harmless', margin: 0.01 })
    expect((await gate(good, slightly, strict)).holds).toBe(false)
    expect((await gate(good, good, strict)).holds).toBe(true)
  })

  it('is closed when answers are missing, whatever the means of the others say', async () => {
    const degraded = [{ stage: 'rerank', reason: 'deadline' }]
    const partial = await resultOf(
      await evaluated(
        dataset,
        targetOf({
          fused: () => 'a b',
          reranked: (query) => (query.endsWith('7') ? answerOf('a', { degraded }) : 'a b'),
        }),
      ),
    )
    const { holds, checks } = await gate(good, partial, asked())
    expect(holds).toBe(false)
    expect(checks.filter((check) => !check.holds).map(({ name }) => name)).toEqual([
      'reranked whole answers',
    ])
    expect((await gate(partial, partial, asked())).holds).toBe(true)
  })
})
