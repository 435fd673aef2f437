import fc from 'fast-check'
import { expect } from 'vitest'
import { type Filter, matches } from '../../../src/core/filter.ts'
import type { IndexedChunk } from '../../../src/core/vector-store.ts'
import { type Bench, ruleOn, type VectorStoreSubject } from '../bench.ts'
import { chunkOf, corpusOf, idsOf, never, vectorOf } from '../fixture.ts'
import type { Rule } from '../rule.ts'
import { BOUNDS, CONDITIONS, FIELDS, METADATA, NESTED, VALUES } from './filters.ts'

const OPERATORS = ['exists', 'eq', 'ne', 'in', 'nin', 'gt', 'gte', 'lt', 'lte'] as const

/** A filter means what `matches` says, for every operator, and is evaluated before k. */
export function filteringRules(subject: VectorStoreSubject): Rule[] {
  const rule = (title: string, check: (bench: Bench) => Promise<void>): Rule =>
    ruleOn(subject, title, check)
  return [
    rule('a filter is evaluated before k', async (bench) => {
      const { store, alice, search } = bench
      const vector = vectorOf(3)
      const rows = corpusOf(300).map((chunk, i) =>
        chunk.metadata['rare'] === true
          ? { ...chunk, vector: vector.map((value, d) => (d === i % 8 ? -value - 1 : -value)) }
          : chunk,
      )
      await store.upsert(alice, rows, never)
      const rare: Filter = { op: 'eq', field: 'rare', value: true }
      const wanted = idsOf(rows.filter((chunk) => matches(rare, chunk)))
      const hits = await search(alice, vector, { k: 5, filter: rare })
      expect(hits).toHaveLength(5)
      expect(idsOf(hits).filter((id) => !wanted.includes(id))).toEqual([])
      expect(idsOf(await search(alice, vector, { k: 100, filter: rare })).sort()).toEqual(wanted)
    }),
    ...OPERATORS.map((op) =>
      rule(`\`${op}\` means what the core says`, async (bench) => {
        await agreeOn(
          bench,
          CONDITIONS.filter((filter) => filter.op === op),
        )
      }),
    ),
    rule('`and`, `or` and `not` nest as the core says', (bench) => agreeOn(bench, NESTED)),
    rule('any filter means what the core says', async (bench) => {
      const rows = await load(bench)
      await fc.assert(
        fc.asyncProperty(anyFilter, (filter) => agree(bench, rows, filter)),
        { numRuns: 150 },
      )
    }),
    rule('a filter sees one tenant only', async ({ store, alice, bob, found }) => {
      await store.upsert(alice, corpusOf(5), never)
      await store.upsert(bob, [chunkOf('bobs', { metadata: { lang: 'en' } })], never)
      const open: Filter = {
        op: 'or',
        filters: [
          { op: 'eq', field: 'lang', value: 'en' },
          { op: 'not', filter: { op: 'exists', field: 'tenant' } },
        ],
      }
      expect((await found(alice, vectorOf(1), { filter: open })).sort()).toEqual(idsOf(corpusOf(5)))
      expect(await found(bob, vectorOf(1), { filter: open })).toEqual(['bobs'])
    }),
  ]
}

async function load({ store, alice }: Bench): Promise<IndexedChunk[]> {
  const rows = METADATA.map((metadata, i) =>
    chunkOf(`f${String(i).padStart(2, '0')}`, { metadata, vector: vectorOf(i + 1) }),
  )
  await store.upsert(alice, rows, never)
  return rows
}

async function agreeOn(bench: Bench, filters: readonly Filter[]): Promise<void> {
  const rows = await load(bench)
  expect(filters.length).toBeGreaterThan(0)
  for (const filter of filters) await agree(bench, rows, filter)
}

async function agree(
  { alice, found }: Bench,
  rows: readonly IndexedChunk[],
  filter: Filter,
): Promise<void> {
  const got = await found(alice, vectorOf(77), { k: rows.length, filter })
  const wanted = idsOf(rows.filter((chunk) => matches(filter, chunk)))
  expect(got.sort(), JSON.stringify(filter)).toEqual(wanted)
}

const field = fc.constantFrom(...FIELDS)
const value = fc.constantFrom(...VALUES)

const { filter: anyFilter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ op: fc.constantFrom('eq' as const, 'ne' as const), field, value }),
    fc.record({
      op: fc.constantFrom('in' as const, 'nin' as const),
      field,
      values: fc.array(value, { maxLength: 4 }),
    }),
    fc.record({
      op: fc.constantFrom('gt' as const, 'gte' as const, 'lt' as const, 'lte' as const),
      field,
      value: fc.constantFrom(...BOUNDS),
    }),
    fc.record({ op: fc.constant('exists' as const), field }),
    fc.record({
      op: fc.constantFrom('and' as const, 'or' as const),
      filters: fc.array(tie('filter'), { maxLength: 3 }),
    }),
    fc.record({ op: fc.constant('not' as const), filter: tie('filter') }),
  ),
}))
