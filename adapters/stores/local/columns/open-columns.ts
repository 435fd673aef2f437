import { type Filter, instantOf, type RangeOp } from '../../../../src/core/filter.ts'
import type { Scalar } from '../../../../src/core/model.ts'
import { isTurnOver, nextTurn } from '../../../../src/core/turns.ts'
import { addRow, type Bitmap, emptyBitmap, fullBitmap } from '../bitmap.ts'
import type { BlockReader } from '../blocks.ts'
import { openStrings, type Strings } from '../segment/strings.ts'
import { DOCUMENT_ID } from './build-columns.ts'
import { firstNot, openValueLists, type ValueLists } from './value-lists.ts'

export interface Columns {
  /** The rows whose chunks match, as `matches` says. For reading only: equal filters may share one. */
  select(filter: Filter, signal: AbortSignal): Promise<Bitmap>
}

export interface ColumnFacts {
  readonly count: number
  readonly rowsOfDocument: (documentId: string) => { readonly from: number; readonly to: number }
}

interface Tables extends ColumnFacts {
  readonly fields: Strings
  readonly strings: Strings
  readonly numbers: Float64Array
  readonly instants: Float64Array
  readonly lists: Readonly<
    Record<'string' | 'number' | 'instant' | 'boolean' | 'present', ValueLists>
  >
}

export function openColumns(blocks: BlockReader, facts: ColumnFacts): Columns {
  const fieldCount = blocks.u32('fields_starts').length - 1
  const list = (name: string): ValueLists => openValueLists(blocks, name, fieldCount)
  const tables: Tables = {
    ...facts,
    fields: openStrings('fields', blocks, fieldCount),
    strings: openStrings('strings', blocks, blocks.u32('strings_starts').length - 1),
    numbers: blocks.f64('numbers'),
    instants: blocks.f64('instants'),
    lists: {
      string: list('string'),
      number: list('number'),
      instant: list('instant'),
      boolean: list('boolean'),
      present: list('present'),
    },
  }
  /** Both legs of a request ask with the same filter. */
  const known = new WeakMap<Filter, Bitmap>()
  return {
    async select(filter, signal) {
      const before = known.get(filter)
      if (before !== undefined) return before
      const rows = await select(tables, filter, signal)
      known.set(filter, rows)
      return rows
    },
  }
}

/** Answers a bitmap of the caller's own. */
async function select(tables: Tables, filter: Filter, signal: AbortSignal): Promise<Bitmap> {
  if (isTurnOver()) await nextTurn(signal)
  switch (filter.op) {
    case 'and':
      return await selectAll(tables, filter.filters, signal)
    case 'or':
      return await selectAny(tables, filter.filters, signal)
    case 'not':
      return complement(await select(tables, filter.filter, signal), tables.count)
    case 'ne':
      return complement(
        await selectValues(tables, filter.field, [filter.value], signal),
        tables.count,
      )
    case 'nin':
      return complement(
        await selectValues(tables, filter.field, filter.values, signal),
        tables.count,
      )
    case 'eq':
      return await selectValues(tables, filter.field, [filter.value], signal)
    case 'in':
      return await selectValues(tables, filter.field, filter.values, signal)
    case 'exists':
      return await selectPresent(tables, filter.field, signal)
    default:
      return await selectRange(tables, filter.field, filter.op, filter.value, signal)
  }
}

async function selectAll(
  tables: Tables,
  filters: readonly Filter[],
  signal: AbortSignal,
): Promise<Bitmap> {
  let rows: Bitmap | null = null
  for (const filter of [...filters].sort((a, b) => costOf(a) - costOf(b))) {
    const more = await select(tables, filter, signal)
    if (rows === null) rows = more
    else for (let i = 0; i < rows.length; i++) rows[i] = (rows[i] as number) & (more[i] as number)
    if (rows.every((word) => word === 0)) return rows
  }
  return rows ?? fullBitmap(tables.count)
}

async function selectAny(
  tables: Tables,
  filters: readonly Filter[],
  signal: AbortSignal,
): Promise<Bitmap> {
  const rows = emptyBitmap(tables.count)
  for (const filter of filters) {
    const more = await select(tables, filter, signal)
    for (let i = 0; i < rows.length; i++) rows[i] = (rows[i] as number) | (more[i] as number)
  }
  return rows
}

/** What is likely to leave little comes first, since nothing is looked for in what is empty. */
function costOf({ op }: Filter): number {
  if (op === 'eq') return 0
  if (op === 'in') return 1
  if (op === 'and' || op === 'or' || op === 'not') return 4
  return op === 'ne' || op === 'nin' || op === 'exists' ? 3 : 2
}

function complement(rows: Bitmap, count: number): Bitmap {
  const full = fullBitmap(count)
  for (let i = 0; i < rows.length; i++) full[i] = (full[i] as number) & ~(rows[i] as number)
  return full
}

async function selectValues(
  tables: Tables,
  field: string,
  values: readonly Scalar[],
  signal: AbortSignal,
): Promise<Bitmap> {
  const rows = emptyBitmap(tables.count)
  const number = field === DOCUMENT_ID ? -1 : fieldNumber(tables, field)
  for (const value of values) {
    if (field === DOCUMENT_ID) addDocument(tables, value, rows)
    else if (number >= 0) await addValue(tables, number, value, rows, signal)
    if (isTurnOver()) await nextTurn(signal)
  }
  return rows
}

function addDocument({ rowsOfDocument }: Tables, id: Scalar, rows: Bitmap): void {
  if (typeof id !== 'string') return
  const { from, to } = rowsOfDocument(id)
  for (let row = from; row < to; row++) addRow(rows, row)
}

async function addValue(
  { lists, strings, numbers }: Tables,
  field: number,
  value: Scalar,
  rows: Bitmap,
  signal: AbortSignal,
): Promise<void> {
  if (typeof value === 'boolean') {
    const at = lists.boolean.valuesOf(field).from + Number(value)
    return await lists.boolean.addRows(rows, at, at + 1, signal)
  }
  if (typeof value === 'number') {
    const { from, to } = lists.number.valuesOf(field)
    const at = firstNot(from, to, (i) => (numbers[i] as number) < value)
    if (at < to && numbers[at] === value) await lists.number.addRows(rows, at, at + 1, signal)
    return
  }
  const { from, to } = lists.string.valuesOf(field)
  const at = firstNot(from, to, (i) => strings.compareTo(i, value) < 0)
  if (at < to && strings.equals(at, value)) await lists.string.addRows(rows, at, at + 1, signal)
}

async function selectPresent(tables: Tables, field: string, signal: AbortSignal): Promise<Bitmap> {
  if (field === DOCUMENT_ID) return fullBitmap(tables.count)
  const rows = emptyBitmap(tables.count)
  const number = fieldNumber(tables, field)
  if (number < 0) return rows
  const { from, to } = tables.lists.present.valuesOf(number)
  await tables.lists.present.addRows(rows, from, to, signal)
  return rows
}

async function selectRange(
  tables: Tables,
  field: string,
  op: RangeOp,
  given: number | string,
  signal: AbortSignal,
): Promise<Bitmap> {
  const rows = emptyBitmap(tables.count)
  const number = fieldNumber(tables, field)
  const bound = typeof given === 'number' ? given : instantOf(given)
  if (number < 0 || bound === undefined) return rows
  const isNumber = typeof given === 'number'
  const values = isNumber ? tables.numbers : tables.instants
  const list = isNumber ? tables.lists.number : tables.lists.instant
  const { from, to } = list.valuesOf(number)
  const below = op === 'gte' || op === 'lt'
  const cut = firstNot(from, to, (i) =>
    below ? (values[i] as number) < bound : (values[i] as number) <= bound,
  )
  const isUpper = op === 'gt' || op === 'gte'
  await list.addRows(rows, isUpper ? cut : from, isUpper ? to : cut, signal)
  return rows
}

/** -1 where no row has the field. */
function fieldNumber({ fields }: Tables, name: string): number {
  const at = firstNot(0, fields.count, (i) => fields.compareTo(i, name) < 0)
  return at < fields.count && fields.equals(at, name) ? at : -1
}
