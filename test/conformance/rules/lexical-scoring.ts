import { expect } from 'vitest'
import type { Filter } from '../../../src/core/filter.ts'
import { idsOf, never } from '../fixture.ts'
import { type LexicalBench, lexicalRule, passage, prose, QUERIES } from '../lexical-bench.ts'
import type { LexicalIndexSubject } from '../lexical-index.ts'
import type { Rule } from '../rule.ts'
import { METADATA, NESTED } from './filters.ts'

/** k1 and b, with the ends of both: no saturation to speak of, and no regard for length. */
const PARAMETERS = [
  [0.9, 0.4],
  [1.2, 0.75],
  [0, 0.4],
  [2, 0],
  [1.2, 1],
] as const

/** BM25's scores exactly, in the right order. */
export function lexicalScoringRules(subject: LexicalIndexSubject): Rule[] {
  const rule = (title: string, check: (bench: LexicalBench) => Promise<void>): Rule =>
    lexicalRule(subject, title, check)
  return [
    ...PARAMETERS.map(([k1, b]) =>
      lexicalRule(subject, `k1 ${k1}, b ${b}: scores are the formula's`, agreeOnProse, { k1, b }),
    ),
    ...(['english', 'unicode', 'code'] as const).map((analyzer) =>
      lexicalRule(subject, `${analyzer}: scores are the formula's`, agreeOnProse, { analyzer }),
    ),
    ...filterRules(rule),
    ...candidateRules(rule),
  ]
}

async function agreeOnProse({ both, agree, alice }: LexicalBench): Promise<void> {
  await both((at) => at.upsert(alice, prose(200), never))
  for (const text of QUERIES) for (const k of [1, 10, 500]) await agree(alice, text, k)
}

type RuleOf = (title: string, check: (bench: LexicalBench) => Promise<void>) => Rule

function filterRules(rule: RuleOf): Rule[] {
  return [
    rule('a filter is evaluated before k and leaves the scores as they are', async (bench) => {
      const { both, agree, alice } = bench
      await both((at) => at.upsert(alice, prose(300), never))
      const filter: Filter = { op: 'eq', field: 'n', value: 3 }
      for (const text of QUERIES) for (const k of [1, 5, 300]) await agree(alice, text, k, filter)
    }),
    rule('nested filters mean what the core says', async ({ both, agree, alice }) => {
      const rows = METADATA.map((metadata, i) => passage(`m${i}`, `river word${i}`, { metadata }))
      await both((at) => at.upsert(alice, rows, never))
      for (const filter of NESTED) await agree(alice, 'river', 50, filter)
    }),
  ]
}

function candidateRules(rule: RuleOf): Rule[] {
  return [
    rule('a chunk with none of the terms is no candidate', async ({ index, found, alice }) => {
      await index.upsert(
        alice,
        [passage('a', 'river'), passage('b', 'stone'), passage('c', '')],
        never,
      )
      expect(await found(alice, 'river')).toEqual(['a'])
      expect(await found(alice, 'lamp')).toEqual([])
    }),
    rule('a query without terms finds nothing', async ({ index, found, alice }) => {
      await index.upsert(alice, prose(20), never)
      for (const text of ['', '   ', '?!…', '\u0000', '\ud800'])
        expect(await found(alice, text)).toEqual([])
    }),
    rule('a term in every chunk still counts for something', async ({ index, search, alice }) => {
      await index.upsert(alice, [passage('a', 'river'), passage('b', 'river river stone')], never)
      const hits = await search(alice, 'river')
      expect(hits).toHaveLength(2)
      expect(hits.every(({ score }) => score > 0)).toBe(true)
    }),
    rule('the context is searched and counted as part of the passage', async (bench) => {
      const { both, agree, found, alice } = bench
      const rows = [
        passage('a', 'stone lamp', { context: 'Rivers › river' }),
        passage('b', 'stone lamp river'),
        passage('c', 'stone'),
      ]
      await both((at) => at.upsert(alice, rows, never))
      for (const text of ['river', 'stone', 'rivers lamp']) await agree(alice, text)
      expect((await found(alice, 'river')).sort()).toEqual(['a', 'b'])
    }),
    rule('ties come in ascending order of id, also at the cut', async ({ index, found, alice }) => {
      const ids = ['b', 'B', 'a', 'A', 'a-', 'a_', 'Z', '10', '9', '~']
      await index.upsert(
        alice,
        ids.map((id) => passage(id, 'river stone')),
        never,
      )
      expect(await found(alice, 'river', { k: 50 })).toEqual([...ids].sort())
      expect(await found(alice, 'river', { k: 3 })).toEqual([...ids].sort().slice(0, 3))
    }),
    rule('a term that the query repeats counts as often', async ({ index, search, alice }) => {
      await index.upsert(alice, prose(50), never)
      const once = (await search(alice, 'river', { k: 1 }))[0]?.score ?? 0
      const thrice = (await search(alice, 'river river river', { k: 1 }))[0]?.score ?? 0
      expect(once).toBeGreaterThan(0)
      expect(thrice / once).toBeCloseTo(3, 9)
    }),
    rule('long queries and long passages are taken whole', async ({ both, agree, alice }) => {
      const long = Array.from({ length: 20_000 }, (_, i) => `w${i % 9_000}`).join(' ')
      await both((at) => at.upsert(alice, [passage('long', `${long} river`), ...prose(20)], never))
      await agree(alice, 'river')
      await agree(alice, long.slice(0, 2_000))
    }),
    rule('every chunk of a batch above the limit is found', async ({ index, found, alice }) => {
      const rows = prose(
        index.capabilities.batchMax > 10_000 ? 2_007 : index.capabilities.batchMax + 7,
      )
      await index.upsert(
        alice,
        rows.map((row) => ({ ...row, text: 'river', context: '' })),
        never,
      )
      expect(await found(alice, 'river', { k: rows.length + 1 })).toEqual(idsOf(rows))
    }),
  ]
}
