import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hasRow } from '../../adapters/stores/local/bitmap.ts'
import { buildColumns } from '../../adapters/stores/local/columns/build-columns.ts'
import { type Columns, openColumns } from '../../adapters/stores/local/columns/open-columns.ts'
import { selectRows } from '../../adapters/stores/local/columns/select-rows.ts'
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
  .map((pairs): Metadata => Object.fromEntries(pairs.filter(([name]) => name !== 'document_id')))

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

/** Columns over rows in the order of their documents, as a segment has them. */
function columnsOf(rows: readonly Filterable[]): Columns {
  return openColumns(blockReader('columns', buildColumns(rows)), {
    count: rows.length,
    rowsOfDocument: (id) => {
      const from = rows.findIndex((row) => row.documentId === id)
      const to = rows.findLastIndex((row) => row.documentId === id) + 1
      return from < 0 ? { from: 0, to: 0 } : { from, to }
    },
  })
}

const rowsOf = (bitmap: Uint32Array, count: number): number[] =>
  Array.from({ length: count }, (_, row) => row).filter((row) => hasRow(bitmap, row))

describe('columns', () => {
  it('select the rows that match, whatever is in them', async () => {
    const corpus = fc.array(fc.record({ documentId, metadata }), { maxLength: 80 })
    await fc.assert(
      fc.asyncProperty(
        corpus,
        fc.array(filter, { minLength: 5, maxLength: 12 }),
        async (rows, filters) => {
          const sorted = rows.toSorted((a, b) => (a.documentId < b.documentId ? -1 : 1))
          const columns = columnsOf(sorted)
          for (const each of filters) {
            const wanted = sorted.flatMap((row, at) => (matches(each, row) ? [at] : []))
            const found = await columns.select(each, never)
            expect(rowsOf(found, sorted.length)).toEqual(wanted)
            expect(found.at(-1) ?? 0).toBeLessThan(2 ** (sorted.length % 32 || 32))
            const scanned = await selectRows(each, sorted.length, (row) => sorted[row], never)
            expect(rowsOf(scanned, sorted.length)).toEqual(wanted)
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('give a range in proportion to what it selects, and long lists without holding the loop', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => ({
      documentId: `d${String(i).padStart(6, '0')}`,
      metadata: { at: i, day: new Date(i * 60_000).toISOString(), half: i % 2 === 0 },
    }))
    const columns = columnsOf(rows)
    const day = { op: 'gte', field: 'day', value: rows[19_990]?.metadata.day ?? '' } as const
    expect(rowsOf(await columns.select(day, never), 20_000)).toHaveLength(10)
    const aborted = AbortSignal.abort(new Error('enough'))
    const wide: Filter = {
      op: 'or',
      filters: Array.from({ length: 2_000 }, (_, i) => ({ op: 'gte', field: 'at', value: i })),
    }
    await expect(columns.select(wide, aborted)).rejects.toThrow('enough')
  })

  it('answer an equal filter object without looking again, also after another failed', async () => {
    const columns = columnsOf([{ documentId: 'a', metadata: { n: 1 } }])
    const asked: Filter = { op: 'eq', field: 'n', value: 1 }
    expect(await columns.select(asked, never)).toBe(await columns.select(asked, never))
  })
})
