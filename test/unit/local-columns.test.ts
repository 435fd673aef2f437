import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hasRow } from '../../adapters/stores/local/bitmap.ts'
import type { Blocks } from '../../adapters/stores/local/blocks.ts'
import { buildColumns } from '../../adapters/stores/local/columns/build-columns.ts'
import { addSpanTo, spanOfLeaf } from '../../adapters/stores/local/columns/conditions.ts'
import { openFields } from '../../adapters/stores/local/columns/fields.ts'
import { type Columns, openColumns } from '../../adapters/stores/local/columns/open-columns.ts'
import { selectRows } from '../../adapters/stores/local/columns/select-rows.ts'
import { rowCountOf, type Span } from '../../adapters/stores/local/columns/value-lists.ts'
import { blockReader } from '../../adapters/stores/local/segment/block-reader.ts'
import { type Filter, type Filterable, matches } from '../../src/core/filter.ts'
import type { Metadata } from '../../src/core/model.ts'
import { never } from '../conformance/fixture.ts'

const strings = [
  'a',
  'b',
  'true',
  '1',
  '',
  'ünï',
  '文字',
  '\ud800',
  '2024-01-02',
  '2024-01-02T00:00:00Z',
  '2024-01-02T03:00:00+02:00',
  '2024-02-30',
  '2025-06-01T12:00:00.5Z',
]
const scalar = fc.oneof(
  fc.constantFrom(...strings),
  fc.constantFrom(-1, -0, 0, 1, 2.5, 1e308, -5),
  fc.boolean(),
)
const field = fc.constantFrom(
  'n',
  's',
  'tags',
  '',
  'constructor',
  '__proto__',
  'document_id',
  'none',
)
const documentId = fc.constantFrom('d1', 'd2', 'd3', '2024-01-02', 'd1x', '')
const value = fc.oneof(
  scalar,
  fc.array(fc.constantFrom(...strings), { maxLength: 4 }),
  fc.array(fc.constantFrom(-1, 0, 1, 1, 2.5), { maxLength: 4 }),
)
const metadata = fc
  .array(fc.tuple(field, value), { maxLength: 5 })
  .map((pairs): Metadata => Object.fromEntries(pairs))

const leaf: fc.Arbitrary<Filter> = fc.oneof(
  fc.record({ op: fc.constantFrom('eq' as const, 'ne' as const), field, value: scalar }),
  fc.record({
    op: fc.constantFrom('in' as const, 'nin' as const),
    field,
    values: fc.array(fc.oneof(scalar, documentId), { maxLength: 5 }),
  }),
  fc.record({
    op: fc.constantFrom('gt' as const, 'gte' as const, 'lt' as const, 'lte' as const),
    field,
    value: fc.oneof(fc.constantFrom(...strings), fc.constantFrom(-1, -0, 0, 0.5, 2.5)),
  }),
  fc.record({ op: fc.constant('exists' as const), field }),
)
const filter = fc.letrec<{ node: Filter }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    leaf,
    fc.record({
      op: fc.constantFrom('and' as const, 'or' as const),
      filters: fc.array(tie('node'), { maxLength: 3 }),
    }),
    fc.record({ op: fc.constant('not' as const), filter: tie('node') }),
  ),
})).node

/** Conditions on a field or two all at once, as the two ends of a range are. */
const together: fc.Arbitrary<Filter> = fc
  .array(
    fc.oneof(
      fc.record({
        op: fc.constantFrom('gt' as const, 'gte' as const, 'lt' as const, 'lte' as const),
        field: fc.constantFrom('n', 'n', 'm'),
        value: fc.oneof(fc.constantFrom(...strings.slice(8)), fc.integer({ min: -2, max: 3 })),
      }),
      fc.record({
        op: fc.constantFrom('eq' as const, 'ne' as const),
        field: fc.constantFrom('n', 'm'),
        value: scalar,
      }),
    ),
    { minLength: 2, maxLength: 4 },
  )
  .map((conditions) => ({
    op: 'and',
    filters: conditions,
  }))

/** Columns over rows in the order of their documents, as a segment has them. */
function columnsOf(rows: readonly Filterable[]): Columns {
  return openColumns(blockReader('columns', buildColumns(rows)), {
    count: rows.length,
    rowsOfDocument: (id) => {
      if (typeof id !== 'string') throw new Error('an id is a string')
      const from = rows.findIndex((row) => row.documentId === id)
      const to = rows.findLastIndex((row) => row.documentId === id) + 1
      return from < 0 ? { from: 0, to: 0 } : { from, to }
    },
  })
}

const rowsOf = (bitmap: Uint32Array, count: number): number[] =>
  Array.from({ length: count }, (_, row) => row).filter((row) => hasRow(bitmap, row))

/** Fails unless columns and scan find the very rows that match, and nothing past the last. */
async function expectSameRows(rows: readonly Filterable[], filters: readonly Filter[]) {
  const sorted = rows.toSorted((a, b) => (a.documentId < b.documentId ? -1 : 1))
  const columns = columnsOf(sorted)
  for (const each of filters) {
    const wanted = sorted.flatMap((row, at) => (matches(each, row) ? [at] : []))
    const found = await columns.select(each, never)
    expect(rowsOf(found, sorted.length)).toEqual(wanted)
    expect(found).toHaveLength((sorted.length + 31) >>> 5)
    expect(found.at(-1) ?? 0).toBeLessThan(2 ** (sorted.length % 32 || 32))
    const scanned = await selectRows(each, sorted.length, (row) => sorted[row], never)
    expect(rowsOf(scanned, sorted.length)).toEqual(wanted)
  }
}

const row = (documentId: string, metadata: Metadata): Filterable => ({ documentId, metadata })

describe('columns', () => {
  it('select the rows that match, whatever is in them', async () => {
    const corpus = fc.array(fc.record({ documentId, metadata }), { maxLength: 80 })
    const filters = fc.array(filter, { minLength: 5, maxLength: 12 })
    await fc.assert(fc.asyncProperty(corpus, filters, expectSameRows), { numRuns: 300 })
  })

  it('meet several conditions on one field, by one value or each by another of an array', async () => {
    const one = fc.oneof(fc.constantFrom(...strings.slice(8)), fc.integer({ min: -2, max: 3 }))
    for (const held of [one, fc.oneof(one, value)]) {
      const rows = fc.array(fc.record({ documentId, metadata: fc.record({ n: held, m: held }) }), {
        maxLength: 40,
      })
      const filters = fc.array(together, { minLength: 5, maxLength: 12 })
      await fc.assert(fc.asyncProperty(rows, filters, expectSameRows), { numRuns: 150 })
    }
  })

  it('tell apart the dates that are dates, and compare them as instants', async () => {
    const days = [
      '2024-02-28',
      '2024-02-29',
      '2023-02-29',
      '2024-02-29T01:00:00+02:00',
      '2024-13-01',
    ]
    const rows = [...days, '2024-02-29T00:00:00.000001Z', '2024-02-29t00:00:00z', ''].map(
      (day, i) => row(`d${i}`, { day, days: [day, '1999-12-31'], n: i }),
    )
    const ops = ['gt', 'gte', 'lt', 'lte'] as const
    const filters = ops.flatMap((op) =>
      [...days, 0, Number.NaN].flatMap((value): Filter[] => [
        { op, field: 'day', value },
        { op, field: 'days', value },
        { op, field: 'n', value },
      ]),
    )
    await expectSameRows(rows, filters)
  })

  it('find documents by id, also by ranges where ids are dates', async () => {
    const ids = ['2024-01-01', '2024-01-01', '2024-01-02T00:00:00Z', 'a', 'b', 'b', '\ud800']
    const rows = ids.map((id) => row(id, { n: 1 }))
    const field = 'document_id'
    await expectSameRows(rows, [
      { op: 'eq', field, value: 'b' },
      { op: 'ne', field, value: 'b' },
      { op: 'eq', field, value: 1 },
      { op: 'in', field, values: ['b', 'none', 1, true, '\ud800'] },
      { op: 'nin', field, values: ['a', '2024-01-01'] },
      { op: 'exists', field },
      { op: 'gt', field, value: '2024-01-01' },
      { op: 'lte', field, value: '2024-01-02' },
      { op: 'gt', field, value: 'a' },
      { op: 'gt', field, value: 0 },
      {
        op: 'and',
        filters: [
          { op: 'eq', field, value: 'b' },
          { op: 'in', field, values: ['a', 'b'] },
          { op: 'eq', field: 'n', value: 1 },
        ],
      },
    ])
  })

  it('compare the longest strings and the oddest', async () => {
    const long = 'x'.repeat(70_000)
    const odd = [
      long,
      `${long}y`,
      '\ud83d\ude00',
      '\ud83d',
      '\ude00',
      '\uffff',
      'é',
      'e\u0301',
      '\0',
    ]
    const rows = odd.map((text, i) => row(`d${i}`, { [text.slice(0, 128)]: text, s: [text, text] }))
    const filters = odd.flatMap((text): Filter[] => [
      { op: 'eq', field: 's', value: text },
      { op: 'exists', field: text.slice(0, 128) },
      { op: 'nin', field: 's', values: [text, 'z'] },
    ])
    await expectSameRows(rows, filters)
  })

  it('answer filters of the greatest depth and with the most values', async () => {
    const rows = Array.from({ length: 2_000 }, (_, i) => row(`d${i}`, { n: i * 7, s: `v${i * 7}` }))
    const values = Array.from({ length: 10_000 }, (_, i) => (i % 2 === 0 ? i : `v${i}`))
    let deep: Filter = { op: 'in', field: 'n', values }
    for (let depth = 1; depth < 32; depth++)
      deep =
        depth % 3 === 0
          ? { op: 'not', filter: deep }
          : {
              op: depth % 3 === 1 ? 'and' : 'or',
              filters: [deep, { op: 'eq', field: 'n', value: depth }],
            }
    await expectSameRows(rows, [deep, { op: 'nin', field: 's', values }])
  })

  it('hold no rows of an empty segment', async () => {
    await expectSameRows(
      [],
      [
        { op: 'and', filters: [] },
        { op: 'ne', field: 'n', value: 1 },
      ],
    )
  })
})

it('list a value once for each row that has it', () => {
  const blocks = buildColumns([row('a', { tags: ['x', 'y', 'x'] }), row('b', { tags: ['x'] })])
  expect(blocks['string_rows']).toEqual(Uint32Array.of(0, 1, 0))
  expect(blocks['string_single']).toEqual(Uint8Array.of(0))
})

it('rows that are dead match nothing', async () => {
  const all: Filter = { op: 'and', filters: [] }
  const chunks = [row('a', {}), undefined, row('c', {})]
  expect(rowsOf(await selectRows(all, 3, (at) => chunks[at], never), 3)).toEqual([0, 2])
})

describe('a selection', () => {
  const wide: Filter = {
    op: 'or',
    filters: Array.from({ length: 2_000 }, (_, i) => ({ op: 'gte', field: 'at', value: i })),
  }
  const rows = Array.from({ length: 20_000 }, (_, at) => row(`d${at}`, { at }))

  it('lets others have their turn, and ends with its signal', async () => {
    let turns = 0
    const ticking = setInterval(() => turns++, 0)
    await columnsOf(rows).select(wide, never)
    clearInterval(ticking)
    expect(turns).toBeGreaterThan(1)
    const aborted = AbortSignal.abort(new Error('enough'))
    await expect(columnsOf(rows).select(wide, aborted)).rejects.toThrow('enough')
  })

  it('reads no list longer than a turn, and all of it', async () => {
    const between: Filter = { op: 'gte', field: 'at', value: 3 }
    expect(rowsOf(await columnsOf(rows).select(between, never), 20_000)).toHaveLength(19_997)
    const long = 20_000_000
    const blocks = {
      ...buildColumns([row('a', { n: 1 })]),
      number_rows: new Uint32Array(long),
      number_starts: Uint32Array.of(0, long),
    }
    const columns = openColumns(blockReader('columns', blocks), {
      count: 1,
      rowsOfDocument: () => ({ from: 0, to: 0 }),
    })
    let turns = 0
    const ticking = setInterval(() => turns++, 0)
    expect(await columns.select({ op: 'eq', field: 'n', value: 1 }, never)).toEqual(
      Uint32Array.of(1),
    )
    clearInterval(ticking)
    expect(turns).toBeGreaterThan(0)
  })

  it('looks no further where nothing is left', async () => {
    const unread: Filter = {
      op: 'or',
      get filters(): Filter[] {
        throw new Error('looked at')
      },
    }
    const columns = columnsOf(rows)
    const at = (op: 'lt' | 'gt', value: number): Filter => ({ op, field: 'at', value })
    const none: Filter[][] = [
      [unread, { op: 'eq', field: 'at', value: 0.5 }],
      [unread, at('gt', 5), at('lt', 3)],
      [unread, at('lt', -1)],
      [unread, { op: 'in', field: 'at', values: [-1] }],
      [unread, at('lt', 5), { op: 'eq', field: 'document_id', value: 'd9' }],
    ]
    for (const filters of none)
      expect(rowsOf(await columns.select({ op: 'and', filters }, never), 20_000)).toEqual([])
    const some = columns.select({ op: 'and', filters: [unread, at('lt', 5)] }, never)
    await expect(some).rejects.toThrow('looked at')
  })

  it('reads of a range with two ends only what is between them', () => {
    const fields = openFields(blockReader('columns', buildColumns(rows)))
    const spans: Span[] = []
    for (const [op, value] of [
      ['gte', 100],
      ['lt', 104],
    ] as const)
      addSpanTo(spans, spanOfLeaf(fields, { op, field: 'at', value }) as Span)
    expect(spans.map(rowCountOf)).toEqual([4])
    addSpanTo(spans, spanOfLeaf(fields, { op: 'gt', field: 'at', value: 19_990 }) as Span)
    expect(spans.map(rowCountOf).every((count) => count <= 0)).toBe(true)
  })

  it('is made once for all who ask with the same filter', async () => {
    const columns = columnsOf(rows)
    const asked: Filter = { op: 'lt', field: 'at', value: 10 }
    const [first, second] = await Promise.all([
      columns.select(asked, never),
      columns.select(asked, never),
    ])
    expect(second).toBe(first)
    expect(await columns.select(asked, never)).toBe(first)
    expect(await columns.select({ ...asked }, never)).not.toBe(first)
  })

  it('is made for one who still wants it where the first who asked gave up', async () => {
    const columns = columnsOf(rows)
    const first = columns.select(wide, AbortSignal.abort(new Error('enough')))
    const second = columns.select(wide, never)
    await expect(first).rejects.toThrow('enough')
    expect(rowsOf(await second, rows.length)).toHaveLength(rows.length)
    expect(await columns.select(wide, never)).toBe(await second)
  })
})

describe('opening columns', () => {
  it('fails where the blocks do not fit together', () => {
    const blocks = buildColumns([row('a', { n: 1, s: 'x' }), row('b', { n: 2 })])
    const facts = { count: 2, rowsOfDocument: () => ({ from: 0, to: 0 }) }
    const opened = (changed: Blocks) => () =>
      openColumns(blockReader('columns', { ...blocks, ...changed }), facts)
    expect(opened({})).not.toThrow()
    expect(opened({ number_rows: new Uint32Array(1) })).toThrow('lists of number values')
    expect(opened({ string_single: new Uint8Array(0) })).toThrow('lists of string values')
    expect(opened({ instant_values: new Float64Array(1) })).toThrow('lists of instant values')
  })
})
