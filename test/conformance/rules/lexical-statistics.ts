import { expect } from 'vitest'
import { codeOf, refOf } from '../bench.ts'
import { idsOf, never, scopeOf } from '../fixture.ts'
import { type LexicalBench, lexicalRule, passage, prose, QUERIES } from '../lexical-bench.ts'
import type { LexicalIndexSubject } from '../lexical-index.ts'
import { type Rule, rejection, settles } from '../rule.ts'

/** The counts behind the scores: one tenant's own, and never out of date. */
export function lexicalStatisticsRules(subject: LexicalIndexSubject): Rule[] {
  const rule = (title: string, check: (bench: LexicalBench) => Promise<void>): Rule =>
    lexicalRule(subject, title, check)
  return [...tenantRules(rule), ...changeRules(rule), ...callRules(rule)]
}

type RuleOf = (title: string, check: (bench: LexicalBench) => Promise<void>) => Rule

function tenantRules(rule: RuleOf): Rule[] {
  return [
    rule('never finds another tenant’s chunks', async ({ index, found, alice, bob }) => {
      await index.upsert(alice, prose(30), never)
      expect(await found(bob, 'river stone')).toEqual([])
    }),
    rule('another tenant’s chunks move neither scores nor counts', async (bench) => {
      const { index, search, alice, bob } = bench
      await index.upsert(alice, prose(60), never)
      const before = await search(alice, 'river stone word9')
      const countsBefore = await countsOf(bench)
      await index.upsert(bob, prose(400), never)
      await index.upsert(bob, [passage('x', 'river '.repeat(500))], never)
      await index.deleteChunks(bob, idsOf(prose(10)), never)
      expect(await search(alice, 'river stone word9')).toEqual(before)
      expect(await countsOf(bench)).toEqual(countsBefore)
      await index.deleteTenant(bob, never)
      expect(await search(alice, 'river stone word9')).toEqual(before)
    }),
    rule('an equal id in two tenants is two passages', async ({ index, found, alice, bob }) => {
      await index.upsert(alice, [passage('same', 'river')], never)
      await index.upsert(bob, [passage('same', 'stone')], never)
      expect(await found(alice, 'stone')).toEqual([])
      await index.deleteChunks(bob, idsOf([passage('same', '')]), never)
      expect(await found(alice, 'river')).toEqual(['same'])
    }),
    rule('deleting a tenant takes its passages and its counts', async (bench) => {
      const { both, agree, index, alice, bob } = bench
      await both((at) => at.upsert(alice, prose(40), never))
      await both((at) => at.upsert(bob, prose(50), never))
      await both((at) => at.deleteTenant(alice, never))
      const counts = await index.statistics(alice, never)
      expect([counts.chunkCount, counts.documentFrequency('river')]).toEqual([0, 0])
      for (const text of QUERIES) for (const scope of [alice, bob]) await agree(scope, text)
      await both((at) => at.upsert(alice, prose(10, 5), never))
      for (const text of QUERIES) await agree(alice, text)
    }),
  ]
}

/** Whatever is written, replaced or deleted, the oracle that only knows the end agrees. */
function changeRules(rule: RuleOf): Rule[] {
  const changed = (title: string, change: (bench: LexicalBench) => Promise<void>): Rule =>
    rule(title, async (bench) => {
      const { both, agree, alice, index, oracle } = bench
      await both((at) => at.upsert(alice, prose(120), never))
      await change(bench)
      for (const text of QUERIES) await agree(alice, text, 200)
      expect(await countsOf(bench)).toEqual(await countsOf({ ...bench, index: oracle }))
      expect((await index.statistics(alice, never)).chunkCount).toBeGreaterThan(0)
    })
  return [
    changed('the counts are those of the chunks', async () => {}),
    changed('deletes leave the counts', ({ both, alice }) =>
      both((at) => at.deleteChunks(alice, idsOf(prose(70)), never)),
    ),
    changed('a chunk written again is counted once, with its new text', ({ both, alice }) =>
      both((at) =>
        at.upsert(
          alice,
          prose(80, 300).map((chunk, i) => ({
            ...chunk,
            id: prose(80)[i]?.id ?? chunk.id,
            revision: 2,
          })),
          never,
        ),
      ),
    ),
    changed('writing the same again changes nothing', ({ both, alice }) =>
      both((at) => at.upsert(alice, prose(120), never)),
    ),
    changed('a lower revision changes no count', async ({ both, alice }) => {
      await both((at) => at.upsert(alice, [passage('p0001', 'river', { revision: 9 })], never))
      await both((at) => at.upsert(alice, [passage('p0001', 'stone lamp', { revision: 8 })], never))
    }),
    changed('deletes and writes in turn keep the counts', async ({ both, alice }) => {
      for (let round = 0; round < 6; round++) {
        await both((at) => at.deleteChunks(alice, idsOf(prose(25, round * 13)), never))
        await both((at) => at.upsert(alice, prose(30, round * 20), never))
      }
    }),
    rule('the statistics are live', async ({ index, alice }) => {
      const statistics = await index.statistics(alice, never)
      expect([statistics.chunkCount, statistics.documentFrequency('river')]).toEqual([0, 0])
      await index.upsert(alice, [passage('a', 'river'), passage('b', 'stone')], never)
      expect([statistics.chunkCount, statistics.documentFrequency('river')]).toEqual([2, 1])
      await index.deleteChunks(alice, idsOf([passage('a', '')]), never)
      expect([statistics.chunkCount, statistics.documentFrequency('river')]).toEqual([1, 0])
      expect(statistics.analyze('River, STONE!')).toEqual(['river', 'stone'])
    }),
  ]
}

function callRules(rule: RuleOf): Rule[] {
  return [
    rule(
      'an index that does not exist says not_found, statistics too',
      async ({ index, alice }) => {
        const ghost = scopeOf('alice', `${alice.index}-ghost`)
        const search = index.searchLexical(ghost, { text: 'river', k: 5 }, never)
        expect(await codeOf(search)).toBe('not_found')
        expect(await codeOf(index.upsert(ghost, [], never))).toBe('not_found')
        expect(await codeOf(index.statistics(ghost, never))).toBe('not_found')
      },
    ),
    rule('a dropped index is gone, and made anew is empty', async ({ index, found, alice }) => {
      await index.upsert(alice, prose(20), never)
      await index.dropIndex(refOf(alice), never)
      expect(await codeOf(found(alice, 'river'))).toBe('not_found')
      const lexical = { analyzer: 'english', k1: 1.2, b: 0.75 } as const
      await index.createIndex(refOf(alice), { dense: null, lexical }, never)
      expect(await found(alice, 'river')).toEqual([])
      const other = { ...lexical, b: 0.5 }
      expect(
        await codeOf(index.createIndex(refOf(alice), { dense: null, lexical: other }, never)),
      ).toBe('conflict')
    }),
    rule('an aborted search rejects, an aborted write writes nothing', async (bench) => {
      const { index, found, alice } = bench
      await index.upsert(alice, [passage('a', 'river')], never)
      const aborted = AbortSignal.abort(new Error('too late'))
      const search = index.searchLexical(alice, { text: 'river', k: 5 }, aborted)
      expect(await settles(rejection(search))).toBeInstanceOf(Error)
      const write = index.upsert(alice, [passage('b', 'river')], aborted)
      expect(await settles(rejection(write))).toBeInstanceOf(Error)
      expect(await found(alice, 'river')).toEqual(['a'])
    }),
  ]
}

const TERMS = [
  'river',
  'stone',
  'constructor',
  'toString'.toLowerCase(),
  'word1',
  'word50',
  'lamp',
  'none',
]

async function countsOf({ index, alice }: LexicalBench): Promise<unknown> {
  const statistics = await index.statistics(alice, never)
  return [statistics.chunkCount, ...TERMS.map((term) => statistics.documentFrequency(term))]
}
