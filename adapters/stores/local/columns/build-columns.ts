import { type Filterable, instantOf } from '../../../../src/core/filter.ts'
import type { MetadataValue, Scalar } from '../../../../src/core/model.ts'
import type { Blocks } from '../blocks.ts'
import { buildStrings } from '../segment/strings.ts'

/** Under which document ids that are instants are found by ranges; equality on it needs no list of its own. */
export const DOCUMENT_ID = 'document_id'

/** The rows that hold each value of a field, ascending and each once. */
class Lists<Value> {
  readonly rowsOf = new Map<Value, number[]>()

  add(value: Value, row: number): void {
    const rows = this.rowsOf.get(value)
    if (rows === undefined) this.rowsOf.set(value, [row])
    else if (rows.at(-1) !== row) rows.push(row)
  }

  sorted(compare: (a: Value, b: Value) => number): [Value, number[]][] {
    return [...this.rowsOf].sort(([a], [b]) => compare(a, b))
  }
}

interface Field {
  readonly strings: Lists<string>
  readonly numbers: Lists<number>
  readonly instants: Lists<number>
  readonly booleans: Lists<boolean>
  readonly present: number[]
}

/**
 * An inverted index of each metadata field: its distinct values in order, by type, with the rows that hold them, so
 * that a range is one piece of the list. Rows come once each, in order.
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
  return toBlocks(
    names,
    names.map((name) => fields.get(name) as Field),
  )
}

function fieldNamed(fields: Map<string, Field>, name: string): Field {
  const known = fields.get(name)
  if (known !== undefined) return known
  const made: Field = {
    strings: new Lists(),
    numbers: new Lists(),
    instants: new Lists(),
    booleans: new Lists(),
    present: [],
  }
  fields.set(name, made)
  return made
}

function addValue(field: Field, value: MetadataValue, row: number): void {
  field.present.push(row)
  const elements: readonly Scalar[] = Array.isArray(value) ? value : [value as Scalar]
  for (const element of elements) addElement(field, element, row)
}

function addElement(field: Field, element: Scalar, row: number): void {
  if (typeof element === 'number') {
    // Zero has two signs that equal one another.
    field.numbers.add(element === 0 ? 0 : element, row)
  } else if (typeof element === 'boolean') {
    field.booleans.add(element, row)
  } else {
    field.strings.add(element, row)
    const instant = instantOf(element)
    if (instant !== undefined) field.instants.add(instant, row)
  }
}

function toBlocks(names: readonly string[], fields: readonly Field[]): Blocks {
  const strings = fields.map((field) => field.strings.sorted(compareStrings))
  const numbers = fields.map((field) => field.numbers.sorted((a, b) => a - b))
  const instants = fields.map((field) => field.instants.sorted((a, b) => a - b))
  const booleans = fields.map(({ booleans: { rowsOf } }) =>
    [false, true].map((value): [boolean, number[]] => [value, rowsOf.get(value) ?? []]),
  )
  const present = fields.map((field): [true, number[]][] => [[true, field.present]])
  return {
    numbers: Float64Array.from(valuesOf(numbers)),
    instants: Float64Array.from(valuesOf(instants)),
    ...buildStrings('fields', names),
    ...buildStrings('strings', valuesOf(strings)),
    ...listBlocks('number', numbers),
    ...listBlocks('instant', instants),
    ...listBlocks('string', strings),
    ...listBlocks('boolean', booleans),
    ...listBlocks('present', present),
  }
}

type Listed<Value> = readonly (readonly (readonly [Value, readonly number[]])[])[]

function valuesOf<Value>(fields: Listed<Value>): Value[] {
  return fields.flatMap((values) => values.map(([value]) => value))
}

/** Where each field's values begin, where each value's rows begin, and the rows. */
function listBlocks<Value>(name: string, fields: Listed<Value>): Blocks {
  const lists = fields.flatMap((values) => values.map(([, rows]) => rows))
  const fieldStarts = startsOf(fields.map((values) => values.length))
  const starts = startsOf(lists.map((rows) => rows.length))
  const rows = new Uint32Array(starts.at(-1) ?? 0)
  for (const [i, list] of lists.entries()) rows.set(list, starts[i] as number)
  return { [`${name}_fields`]: fieldStarts, [`${name}_starts`]: starts, [`${name}_rows`]: rows }
}

function startsOf(lengths: readonly number[]): Uint32Array {
  const starts = new Uint32Array(lengths.length + 1)
  for (const [i, length] of lengths.entries()) starts[i + 1] = (starts[i] as number) + length
  return starts
}

function compareStrings(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
