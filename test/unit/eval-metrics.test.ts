import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asTrecEval } from '../../eval/metrics/as-trec-eval.ts'
import { parseMetric } from '../../eval/metrics/parse-metric.ts'
import { scoreRun } from '../../eval/metrics/score-run.ts'
import { hitWithinTokens } from '../../eval/metrics/token-budget.ts'
import type { Qrels, Ranked, Run } from '../../eval/types.ts'

type ByQuery<T> = Readonly<Record<string, Readonly<Record<string, T>>>>

interface Case {
  readonly name: string
  readonly qrels: ByQuery<number>
  readonly run: ByQuery<number>
  /** Of trec_eval, by tools/trec-fixture. */
  readonly expected: ByQuery<number>
}

const fixture = new URL('../fixtures/eval/trec-eval.json', import.meta.url)
const cases = JSON.parse(await readFile(fixture, 'utf8')) as Case[]

const qrelsOf = (grades: ByQuery<number>): Qrels =>
  new Map(Object.entries(grades).map(([query, own]) => [query, new Map(Object.entries(own))]))
const runOf = (scores: ByQuery<number>): Run =>
  new Map(
    Object.entries(scores).map(([query, own]) => [
      query,
      Object.entries(own).map(([id, score]) => ({ id, score })),
    ]),
  )
const ranking = (ids: string): readonly Ranked[] =>
  [...ids].map((id, at) => ({ id, score: ids.length - at }))
const score = (name: string, ids: string, judgments: Readonly<Record<string, number>>) =>
  parseMetric(name).score(ranking(ids), new Map(Object.entries(judgments)))

describe('against trec_eval', () => {
  it('has a fixture with every kind of trouble', () => {
    const grades = cases.flatMap(({ qrels }) => Object.values(qrels).flatMap(Object.values))
    const ties = cases.filter(({ run }) =>
      Object.values(run).some((own) => new Set(Object.values(own)).size < Object.keys(own).length),
    )
    expect(cases.length).toBeGreaterThanOrEqual(20)
    expect(ties.length).toBeGreaterThanOrEqual(8)
    expect(new Set(grades)).toEqual(new Set([-2, -1, 0, 1, 2, 3, 4, 7]))
    expect(cases.some(({ qrels, run }) => Object.keys(qrels).some((id) => !(id in run)))).toBe(true)
    expect(cases.some(({ qrels, run }) => Object.keys(run).some((id) => !(id in qrels)))).toBe(true)
  })

  it.each(cases)('gives every value for every query: $name', async ({ qrels, run, expected }) => {
    const names = Object.keys(Object.values(expected)[0] ?? {})
    expect(names.length).toBeGreaterThan(25)
    const metrics = names.map((name) => parseMetric(name))
    const scores = await scoreRun(await asTrecEval(runOf(run)), qrelsOf(qrels), metrics)
    for (const [query, values] of Object.entries(expected)) {
      const own = scores.queries.get(query)
      if (own === undefined) {
        expect(Math.max(...Object.values(qrels[query] ?? {}))).toBeLessThanOrEqual(0)
        continue
      }
      for (const [name, value] of Object.entries(values))
        expect(own[name], `${query} ${name}`).toBeCloseTo(value, 10)
    }
    for (const name of names) {
      const counted = [...scores.queries.keys()].map((query) => expected[query]?.[name] as number)
      const mean = counted.reduce((sum, value) => sum + value, 0) / counted.length
      expect(scores.means[name], name).toBeCloseTo(mean, 10)
    }
  })
})

describe('the order of trec_eval', () => {
  it('is by score in 32 bits, then by id from the greatest byte', async () => {
    const run: Run = new Map([
      [
        'q',
        [
          { id: 'low', score: 0.05 },
          { id: '\uff5e', score: 0.1 },
          { id: '😀', score: 0.1 + 1e-10 },
          { id: 'a', score: 0.1 + 2e-10 },
        ],
      ],
    ])
    const ordered = (await asTrecEval(run)).get('q')?.map(({ id }) => id)
    expect(ordered).toEqual(['😀', '\uff5e', 'a', 'low'])
    expect(run.get('q')?.[0]?.id).toBe('low')
  })

  it('refuses a score that is no number', async () => {
    const run: Run = new Map([['q7', [{ id: 'd1', score: Number.NaN }]]])
    await expect(asTrecEval(run)).rejects.toThrow('query q7: the score of document d1')
  })
})

describe('scoring a run', () => {
  const qrels = qrelsOf({ a: { x: 1 }, b: { x: 1 }, none: { x: 0 } })

  it('counts a missing query 0 and leaves out one without anything relevant', async () => {
    const run = runOf({ a: { x: 1 }, none: { x: 1 }, unasked: { x: 1 } })
    const { queries, means } = await scoreRun(run, qrels, [parseMetric('recall@1')])
    expect([...queries]).toEqual([
      ['a', { 'recall@1': 1 }],
      ['b', { 'recall@1': 0 }],
    ])
    expect(means).toEqual({ 'recall@1': 0.5 })
  })

  it('goes by the order of the run, not by its scores', async () => {
    const run: Run = new Map([['a', ranking('yx').toReversed()]])
    const { queries } = await scoreRun(run, qrels, [parseMetric('mrr')])
    expect(queries.get('a')).toEqual({ mrr: 1 })
  })

  it('refuses a document that is ranked twice, and judgments that judge nothing relevant', async () => {
    const twice: Run = new Map([['a', ranking('xyx')]])
    await expect(scoreRun(twice, qrels, [])).rejects.toThrow('query a: document x is ranked twice')
    const none = qrelsOf({ q: { x: 0 } })
    await expect(scoreRun(new Map(), none, [])).rejects.toThrow('none of the 1 judged queries')
  })
})

describe('metrics', () => {
  it('tell the two gains apart', () => {
    const judgments = { a: 1, b: 3 }
    const discount = 1 / Math.log2(3)
    expect(score('ndcg@2', 'ab', judgments)).toBeCloseTo((1 + 3 * discount) / (3 + discount), 12)
    expect(score('ndcg_exp@2', 'ab', judgments)).toBeCloseTo(
      (1 + 7 * discount) / (7 + discount),
      12,
    )
  })

  it('say how much of what is shown nobody judged', () => {
    expect(score('unjudged@4', 'axby', { a: 1, b: 0 })).toBe(0.5)
    expect(score('unjudged@10', 'ax', { a: 1 })).toBe(0.5)
    expect(score('unjudged@10', '', { a: 1 })).toBe(0)
  })

  it('stay within 0 and 1, and do not fall when a relevant document moves up', () => {
    const names = ['ndcg@5', 'ndcg_exp@5', 'recall@5', 'precision@5', 'mrr@5', 'map@5', 'success@5']
    const grades = fc.dictionary(fc.constantFrom(...'abcdefgh'), fc.integer({ min: -2, max: 4 }))
    const order = fc.shuffledSubarray([...'abcdefghij'], { minLength: 2 })
    fc.assert(
      fc.property(grades, order, fc.nat(), fc.constantFrom(...names), (judged, ids, nat, name) => {
        const at = 1 + (nat % (ids.length - 1))
        const [above = '', moved = ''] = [ids[at - 1], ids[at]]
        const better = ids.with(at - 1, moved).with(at, above)
        const value = score(name, ids.join(''), judged)
        expect(value).toBeGreaterThanOrEqual(0)
        expect(value).toBeLessThanOrEqual(1 + 1e-12)
        if (Math.max(judged[moved] ?? 0, 0) < Math.max(judged[above] ?? 0, 0)) return
        expect(score(name, better.join(''), judged)).toBeGreaterThanOrEqual(value - 1e-12)
      }),
    )
  })

  it.each([
    'ndcg@0',
    'ndcg@-1',
    'ndcg@1.5',
    'nDCG@10',
    'recall',
    'precision',
    'toString',
    'map@',
    '',
  ])('are not called %j', (name) => {
    expect(() => parseMetric(name)).toThrow(/no metric is called .*; there are ndcg@<k>, /)
  })
})

describe('the hit rate within a budget of tokens', () => {
  const judgments = new Map([
    ['b', 1],
    ['c', 0],
  ])
  const hits = [
    { id: 'a', tokens: 60 },
    { id: 'c', tokens: 20 },
    { id: 'b', tokens: 20 },
  ]

  it('takes hits in their order while they fit whole', () => {
    expect(hitWithinTokens(hits, judgments, 100)).toBe(1)
    expect(hitWithinTokens(hits, judgments, 99)).toBe(0)
    expect(hitWithinTokens([], judgments, 99)).toBe(0)
  })

  it('lets nothing take the place of the first hit that does not fit', () => {
    expect(hitWithinTokens(hits, judgments, 50)).toBe(0)
  })

  it('goes by the tokens of what is ranked, and says so where nobody counted them', () => {
    const metric = parseMetric('hit_rate_tokens@40')
    const sized = (ids: string) => ranking(ids).map((each) => ({ ...each, tokens: 20 }))
    expect(metric.needsTokens).toBe(true)
    expect(metric.score(sized('acb'), judgments)).toBe(0)
    expect(metric.score(sized('ab'), judgments)).toBe(1)
    expect(() => metric.score(ranking('ab'), judgments)).toThrow('needs the token counts')
  })
})
