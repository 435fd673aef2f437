import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  encodeInstants,
  encodeMetadata,
  encodeText,
  toSql,
} from '../../adapters/stores/pgvector/filter.ts'
import type { Database } from '../../src/catalog/database.ts'
import { type Filter, type Filterable, matches } from '../../src/core/filter.ts'
import type { Metadata, MetadataValue } from '../../src/core/model.ts'
import { openTestDatabase } from '../support/database.ts'

let database: Database

beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(async () => {
  await database.close()
})

async function answerOfSql(filter: Filter, subject: Filterable): Promise<unknown> {
  const values: unknown[] = []
  const bind = (value: unknown): string => `$${values.push(value)}`
  const row = [encodeText(subject.documentId), encodeMetadata(subject), encodeInstants(subject)]
  const columns = row.map(bind)
  const sql = `select ${toSql(filter, bind)} as holds from (select
    ${columns[0]}::text as document_id, ${columns[1]}::text::jsonb as metadata, ${columns[2]}::text::jsonb as instants) as t`
  const { rows } = await database.pool.query(sql, values)
  return (rows[0] as { holds: unknown }).holds
}

/** Few enough that fields, values and bounds meet, and odd enough to go wrong. */
const strings = fc.constantFrom(
  ...[
    '',
    'a',
    'A',
    'true',
    '1',
    '\0',
    '\\0000',
    '\ud800',
    '😀',
    '\u00e9',
    'e\u0301',
    "'; drop",
    '$1',
  ],
  ...['2024-02-29', '2023-02-30', '2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000001Z'],
  ...['2024-02-29T01:30:00+01:30', '2024-02-29T24:00:00Z', '2024-03', '0000-01-01'],
)
const numbers = fc.constantFrom(
  0,
  -0,
  1,
  -1,
  0.1,
  0.30000000000000004,
  1e308,
  5e-324,
  1709164800000,
)
const bounds = fc.oneof(strings, numbers, fc.constantFrom(Infinity, -Infinity, Number.NaN))
const scalars = fc.oneof(strings, numbers, fc.boolean())
const fields = fc.constantFrom(
  'a',
  '\0',
  '__proto__',
  'constructor',
  'document_id',
  'missing',
  '$1',
)

const metadata = fc
  .array(
    fc.tuple(
      fields.filter((field) => field !== 'document_id' && field !== 'missing'),
      fc.oneof(
        scalars,
        fc.array(strings, { maxLength: 3 }),
        fc.array(numbers, { maxLength: 3 }),
      ) as fc.Arbitrary<MetadataValue>,
    ),
    { maxLength: 4 },
  )
  .map((entries) => Object.fromEntries(entries) as Metadata)

const leaf: fc.Arbitrary<Filter> = fc.oneof(
  fc.record({ op: fc.constantFrom('eq', 'ne'), field: fields, value: fc.oneof(scalars, bounds) }),
  fc.record({
    op: fc.constantFrom('in', 'nin'),
    field: fields,
    values: fc.array(scalars, { maxLength: 12 }),
  }),
  fc.record({ op: fc.constantFrom('gt', 'gte', 'lt', 'lte'), field: fields, value: bounds }),
  fc.record({ op: fc.constant('exists' as const), field: fields }),
)
const filters = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.record({
      op: fc.constantFrom('and', 'or'),
      filters: fc.array(tie('filter'), { maxLength: 3 }),
    }),
    fc.record({ op: fc.constant('not' as const), filter: tie('filter') }),
  ),
})).filter

it('means in SQL what it means everywhere', async () => {
  const subjects = fc.record({ documentId: strings, metadata })
  await fc.assert(
    fc.asyncProperty(filters, subjects, async (filter, subject) => {
      expect(await answerOfSql(filter, subject)).toBe(matches(filter, subject))
    }),
    { numRuns: 1_500 },
  )
}, 120_000)

it('binds every name and value', async () => {
  const nasty = `'; drop table x; --`
  const values: unknown[] = []
  const sql = toSql(
    {
      op: 'and',
      filters: [
        { op: 'eq', field: nasty, value: nasty },
        { op: 'in', field: nasty, values: [nasty, 1, true] },
        { op: 'gt', field: nasty, value: 4_711 },
        { op: 'exists', field: nasty },
      ],
    },
    (value) => `$${values.push(value)}`,
  )
  expect(sql).not.toContain('drop')
  expect(sql).not.toContain('4711')
})
