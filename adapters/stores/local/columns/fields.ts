import { QuarryError } from '../../../../src/core/errors.ts'
import { instantOf, type RangeOp } from '../../../../src/core/filter.ts'
import type { Scalar } from '../../../../src/core/model.ts'
import type { BlockReader } from '../blocks.ts'
import { openStrings, type Strings } from '../segment/strings.ts'
import { firstNot, openValueLists, type Span, spanOf, type ValueLists } from './value-lists.ts'

/** The values of every field and their rows, as `buildColumns` wrote them. */
export interface Fields {
  readonly names: Strings
  readonly strings: { readonly values: Strings; readonly lists: ValueLists }
  readonly numbers: NumberLists
  readonly booleans: NumberLists
  readonly instants: NumberLists
  /** Rows that have the field, with an empty array. */
  readonly empty: NumberLists
}

interface NumberLists {
  readonly values: Float64Array
  readonly lists: ValueLists
}

/** @throws QuarryError `internal` where the arrays don't fit together */
export function openFields(blocks: BlockReader): Fields {
  const count = blocks.u32('fields_starts').length - 1
  const numbers = (name: string): NumberLists => openNumbers(blocks, name, count)
  const lists = openValueLists(blocks, 'string', count)
  return {
    names: openStrings('fields', blocks, count),
    strings: { values: openStrings('strings', blocks, lists.starts.length - 1), lists },
    numbers: numbers('number'),
    booleans: numbers('boolean'),
    instants: numbers('instant'),
    empty: numbers('empty'),
  }
}

function openNumbers(blocks: BlockReader, name: string, fieldCount: number): NumberLists {
  const values = blocks.f64(`${name}_values`)
  const lists = openValueLists(blocks, name, fieldCount)
  if (values.length !== lists.starts.length - 1)
    throw new QuarryError('internal', `the columns' lists of ${name} values do not fit together`)
  return { values, lists }
}

/** -1 where no row has the field. */
export function fieldNumber({ names }: Fields, name: string): number {
  const at = firstNot(0, names.count, (i) => names.compareTo(i, name) < 0)
  return at < names.count && names.equals(at, name) ? at : -1
}

/** The one value of a field that equals this one; null where there is none. */
export function spanOfValue(fields: Fields, field: number, value: Scalar): Span | null {
  if (field < 0) return null
  if (typeof value === 'number') return spanOfNumber(fields.numbers, field, value)
  if (typeof value === 'boolean') return spanOfNumber(fields.booleans, field, Number(value))
  const { values, lists } = fields.strings
  const { from, to } = spanOf(lists, field)
  const at = firstNot(from, to, (i) => values.compareTo(i, value) < 0)
  return at < to && values.equals(at, value) ? { lists, field, from: at, to: at + 1 } : null
}

function spanOfNumber({ values, lists }: NumberLists, field: number, value: number): Span | null {
  const { from, to } = spanOf(lists, field)
  const at = firstNot(from, to, (i) => (values[i] as number) < value)
  return at < to && values[at] === value ? { lists, field, from: at, to: at + 1 } : null
}

/** The values of a field that are in the range; null where there can be none. */
export function spanOfRange(
  fields: Fields,
  field: number,
  op: RangeOp,
  given: number | string,
): Span | null {
  const bound = typeof given === 'number' ? given : instantOf(given)
  if (field < 0 || bound === undefined || Number.isNaN(bound)) return null
  const { values, lists } = typeof given === 'number' ? fields.numbers : fields.instants
  const { from, to } = spanOf(lists, field)
  const cut =
    op === 'gte' || op === 'lt'
      ? firstNot(from, to, (i) => (values[i] as number) < bound)
      : firstNot(from, to, (i) => (values[i] as number) <= bound)
  return op === 'gt' || op === 'gte'
    ? { lists, field, from: cut, to }
    : { lists, field, from, to: cut }
}

/** Every row that has the field is in one of these. */
export function spansOfField(fields: Fields, field: number): Span[] {
  if (field < 0) return []
  const { strings, numbers, booleans, empty } = fields
  return [strings, numbers, booleans, empty].map(({ lists }) => spanOf(lists, field))
}
