import type { Filter } from '../../../src/core/filter.ts'
import type { Metadata } from '../../../src/core/model.ts'

/** Metadata in which every operator has something to find, something to miss and something to stumble over. */
export const METADATA: readonly Metadata[] = [
  {},
  { lang: 'en', n: 0, flag: true, tags: ['a', 'b'], at: '2024-03-01' },
  { lang: 'fr', n: 1, flag: false, tags: ['b'], at: '2024-03-01T00:00:00Z' },
  { lang: 'EN', n: -1, tags: [], at: '2024-03-01T01:00:00+01:00' },
  { lang: 'en ', n: 1.5, flag: true, nums: [1, 2, 3], at: '2024-02-29T23:30:00-01:00' },
  { lang: '', n: 1e15, nums: [-5], at: '2023-12-31' },
  { lang: 'é', n: 0.1, nums: [], at: 'yesterday' },
  { lang: 'e\u0301', n: 9007199254740991, at: '2024-13-01' },
  { lang: '1', v: '1', n: 2, at: '2024-02-30' },
  { lang: 'true', v: 1, n: 10, at: '2024-03-01T00:00:00.000500Z' },
  { lang: 'null', v: true, n: 9, at: '2024-03-01T00:00:00.250Z' },
  { v: 'true', tags: ['en'], n: 100, at: 20240301 },
  { v: false, tags: ['1', 'a,b', 'a"b'], at: ['2024-03-01', '2025-01-01'] },
  { v: 'false', tags: ["o'brien", '{a}'], at: '0001-01-01' },
  { lang: "o'brien", at: '9999-12-31T23:59:59.999999Z' },
  { lang: "x'; DROP TABLE chunks; --", 'a.b': 1, "a'b": 2, 'a"b': 3 },
  { lang: '$1', $where: 'x', 'a b': 1, ключ: 'значение' },
  { lang: '%', '*': 1, '0': 'zero', '$.a': 1, 'a->b': 1, 'a[0]': 1 },
  { lang: '_', '\\': '\\', a: 1, b: 2 },
  { lang: '日本語', tags: ['🦀', '日本'], n: 7 },
  { lang: '\\', nums: [1.5, 1e-7] },
  { lang: '{"a":1}', tags: ['null'], n: 3 },
  { lang: 'en\nfr', n: 4 },
  { lang: 'x'.repeat(500), n: 5 },
]

export const FIELDS: readonly string[] = [
  ...['lang', 'n', 'flag', 'tags', 'nums', 'at', 'v', 'missing', 'document_id', 'a.b', "a'b"],
  ...['a"b', '$where', 'a b', 'ключ', '*', '0', '$.a', 'a->b', 'a[0]', '\\', 'a', 'A', ''],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', "n'; DROP TABLE x; --"],
]

export const VALUES: readonly (string | number | boolean)[] = [
  ...['en', 'fr', 'EN', '', '1', 'true', 'a', 'b', 'é', 'e\u0301', '日本語', '🦀', "o'brien", '\\'],
  ...["x'; DROP TABLE chunks; --", '$1', '%', '_', 'null', 'doc-f03', 'значение', 'a,b', 'en\nfr'],
  ...[
    '2024-03-01',
    '2024-03-01T00:00:00Z',
    '2024-03-01T00:00:00+00:00',
    '2023-12-31',
    '2024-13-01',
  ],
  ...['9999-12-31', '0001-01-01', 'x'.repeat(500)],
  ...[0, 1, -1, 1.5, 0.1, 2, 3, 10, 9007199254740991, 1e15, 1e-7, 20240301, true, false],
]

/** Bounds of ranges: numbers, instants, and strings that are neither. */
export const BOUNDS: readonly (string | number)[] = [
  ...[
    0,
    1,
    -1,
    1.5,
    2,
    10,
    1e15,
    -1e300,
    1e300,
    '2024-03-01',
    '2024-03-01T00:00:00Z',
    '2024-02-30',
  ],
  ...['2024-03-01T00:00:00.000500Z', '2024-03-01T02:00:00+02:00', '2023-01-01', '0001-01-01'],
  ...['9999-12-31T23:59:59.999999-23:59', '2024-13-01', 'en', '', '1', "' OR 1=1 --"],
]

const RANGES = ['gt', 'gte', 'lt', 'lte'] as const

function* conditions(): Generator<Filter> {
  for (const field of FIELDS) yield { op: 'exists', field }
  for (const op of ['eq', 'ne'] as const)
    for (const value of VALUES)
      for (const field of ['lang', 'tags', 'n', 'nums', 'v', 'at', 'flag', 'document_id'])
        yield { op, field, value }
  for (const op of ['eq', 'ne'] as const) for (const field of FIELDS) yield { op, field, value: 1 }
  for (const op of RANGES)
    for (const value of BOUNDS)
      for (const field of ['n', 'nums', 'at', 'lang', 'missing']) yield { op, field, value }
  for (const op of ['in', 'nin'] as const)
    for (const field of ['lang', 'tags', 'n', 'v', 'missing', 'document_id']) {
      yield { op, field, values: [] }
      yield { op, field, values: VALUES }
      yield { op, field, values: ['en', 1, true] }
      yield { op, field, values: ['1'] }
    }
}

/** Every operator on every awkward field and value, one condition each. */
export const CONDITIONS: readonly Filter[] = [...conditions()]

const english: Filter = { op: 'eq', field: 'lang', value: 'en' }
const positive: Filter = { op: 'gt', field: 'n', value: 0 }
const missing: Filter = { op: 'exists', field: 'missing' }

export const NESTED: readonly Filter[] = [
  { op: 'and', filters: [] },
  { op: 'or', filters: [] },
  { op: 'not', filter: { op: 'and', filters: [] } },
  { op: 'not', filter: { op: 'or', filters: [] } },
  { op: 'and', filters: [english] },
  { op: 'or', filters: [english, positive] },
  { op: 'not', filter: english },
  { op: 'not', filter: { op: 'not', filter: english } },
  { op: 'not', filter: missing },
  { op: 'not', filter: { op: 'ne', field: 'missing', value: 1 } },
  { op: 'not', filter: { op: 'gt', field: 'missing', value: 1 } },
  { op: 'not', filter: { op: 'gt', field: 'lang', value: 'abc' } },
  {
    op: 'and',
    filters: [
      { op: 'or', filters: [english, positive] },
      { op: 'not', filter: positive },
    ],
  },
  { op: 'not', filter: { op: 'and', filters: [positive, { op: 'not', filter: english }] } },
  {
    op: 'or',
    filters: [
      { op: 'and', filters: [missing, english] },
      { op: 'nin', field: 'n', values: [0, 1] },
    ],
  },
  {
    op: 'and',
    filters: [
      { op: 'gte', field: 'n', value: 1 },
      { op: 'lt', field: 'n', value: 10 },
      { op: 'ne', field: 'n', value: 1.5 },
    ],
  },
  Array.from({ length: 6 }).reduce<Filter>(
    (filter) => ({ op: 'not', filter: { op: 'or', filters: [filter, missing] } }),
    english,
  ),
]
