import { type Filterable, instantOf } from '../../../../src/core/filter.ts'
import type { MetadataValue, Scalar } from '../../../../src/core/model.ts'
import type { Blocks } from '../blocks.ts'
import { buildStrings } from '../segment/strings.ts'
import { type SortedRows, ValueRows } from './value-rows.ts'

/** A field whose ids are found by the segment's documents; here are only those that are instants, for ranges. */
export const DOCUMENT_ID = 'document_id'

/** An empty array has no value, yet the field is there; its rows are listed under this one. */
const EMPTY = 0

interface Field {
  readonly strings: ValueRows<string>
  readonly numbers: ValueRows<number>
  readonly booleans: ValueRows<number>
  /** The strings that are dates, again, by milliseconds since 1970. */
  readonly instants: ValueRows<number>
  readonly empty: ValueRows<number>
}

/**
 * An inverted index of each metadata field: its distinct values in order, by type, with the rows that hold them, so
 * that a range is one piece of the list. Rows come in order, from 0.
 */
export function buildColumns(rows: Iterable<Filterable>): Blocks {
  const fields = new Map<string, Field>()
  let count = 0
  for (const { documentId, metadata } of rows) {
    const row = count++
    for (const [name, value] of Object.entries(metadata))
      if (name !== DOCUMENT_ID) addValue(fieldNamed(fields, name), value, row)
    const instant = instantOf(documentId)
    if (instant !== undefined) fieldNamed(fields, DOCUMENT_ID).instants.add(instant, row)
  }
  const names = [...fields.keys()].sort(compareStrings)
  return { ...buildStrings('fields', names), ...valueBlocks(names.map((name) => fields.get(name))) }
}

function fieldNamed(fields: Map<string, Field>, name: string): Field {
  const known = fields.get(name)
  if (known !== undefined) return known
  const made: Field = {
    strings: new ValueRows(),
    numbers: new ValueRows(),
    booleans: new ValueRows(),
    instants: new ValueRows(),
    empty: new ValueRows(),
  }
  fields.set(name, made)
  return made
}

function addValue(field: Field, value: MetadataValue, row: number): void {
  const elements: readonly Scalar[] = Array.isArray(value) ? value : [value as Scalar]
  if (elements.length === 0) field.empty.add(EMPTY, row)
  for (const element of elements) addElement(field, element, row)
}

function addElement(field: Field, element: Scalar, row: number): void {
  if (typeof element === 'number') {
    field.numbers.add(element, row)
  } else if (typeof element === 'boolean') {
    field.booleans.add(Number(element), row)
  } else {
    field.strings.add(element, row)
    const instant = instantOf(element)
    if (instant !== undefined) field.instants.add(instant, row)
  }
}

function valueBlocks(fields: readonly (Field | undefined)[]): Blocks {
  const sortedBy = <Value>(
    rowsOf: (field: Field) => ValueRows<Value>,
    compare: (a: Value, b: Value) => number,
  ): SortedRows<Value>[] =>
    fields.flatMap((field) => (field === undefined ? [] : [rowsOf(field).sorted(compare)]))
  const strings = sortedBy((field) => field.strings, compareStrings)
  return {
    ...buildStrings('strings', valuesOf(strings)),
    ...listBlocks('string', strings),
    ...numberBlocks(
      'number',
      sortedBy((field) => field.numbers, compareNumbers),
    ),
    ...numberBlocks(
      'boolean',
      sortedBy((field) => field.booleans, compareNumbers),
    ),
    ...numberBlocks(
      'instant',
      sortedBy((field) => field.instants, compareNumbers),
    ),
    ...numberBlocks(
      'empty',
      sortedBy((field) => field.empty, compareNumbers),
    ),
  }
}

function valuesOf<Value>(fields: readonly SortedRows<Value>[]): Value[] {
  return fields.flatMap(({ values }) => values)
}

function numberBlocks(name: string, fields: readonly SortedRows<number>[]): Blocks {
  return {
    [`${name}_values`]: Float64Array.from(valuesOf(fields)),
    ...listBlocks(name, fields),
  }
}

/** Where each field's values begin, where each value's rows begin, the rows, and which fields have one value a row. */
function listBlocks<Value>(name: string, fields: readonly SortedRows<Value>[]): Blocks {
  const fieldStarts = new Uint32Array(fields.length + 1)
  const rowStarts = new Uint32Array(fields.length + 1)
  for (const [i, { values, rows }] of fields.entries()) {
    fieldStarts[i + 1] = (fieldStarts[i] as number) + values.length
    rowStarts[i + 1] = (rowStarts[i] as number) + rows.length
  }
  const starts = new Uint32Array((fieldStarts.at(-1) ?? 0) + 1)
  const allRows = new Uint32Array(rowStarts.at(-1) ?? 0)
  for (const [i, field] of fields.entries()) {
    const firstValue = fieldStarts[i] as number
    const firstRow = rowStarts[i] as number
    for (const [at, start] of field.starts.entries()) starts[firstValue + at] = firstRow + start
    allRows.set(field.rows, firstRow)
  }
  return {
    [`${name}_fields`]: fieldStarts,
    [`${name}_starts`]: starts,
    [`${name}_rows`]: allRows,
    [`${name}_single`]: Uint8Array.from(fields, ({ isSingle }) => Number(isSingle)),
  }
}

function compareNumbers(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function compareStrings(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
