import type { Filter } from '../../../../src/core/filter.ts'
import type { Scalar } from '../../../../src/core/model.ts'
import { isTurnOver, nextTurn } from '../../../../src/core/turns.ts'
import { type Bitmap, emptyBitmap, fullBitmap } from '../bitmap.ts'
import { DOCUMENT_ID } from './build-columns.ts'
import { addSpanTo, type Condition, cheapestFirst, spanOfLeaf } from './conditions.ts'
import { type Fields, fieldNumber, spanOfValue, spansOfField } from './fields.ts'
import { addRun, complement, intersect, unite } from './row-sets.ts'
import { addSpan, type Span } from './value-lists.ts'

/** The rows of a segment, and what is known of them. */
export interface Table {
  readonly count: number
  /** Rows are in the order of their documents. */
  readonly rowsOfDocument: (documentId: string) => { readonly from: number; readonly to: number }
  readonly fields: Fields
}

/** The rows that match, in a bitmap of the caller's own. */
export async function evaluate(table: Table, filter: Filter, signal: AbortSignal): Promise<Bitmap> {
  if (isTurnOver()) await nextTurn(signal)
  switch (filter.op) {
    case 'and':
      return await evaluateAll(table, filter.filters, signal)
    case 'not':
      return await evaluateNot(table, filter.filter, signal)
    case 'ne':
      return await evaluateNot(table, { ...filter, op: 'eq' }, signal)
    case 'nin':
      return await evaluateNot(table, { ...filter, op: 'in' }, signal)
    default: {
      const found = emptyBitmap(table.count)
      await addMatching(table, filter, found, signal)
      return found
    }
  }
}

async function evaluateNot(table: Table, filter: Filter, signal: AbortSignal): Promise<Bitmap> {
  const found = await evaluate(table, filter, signal)
  complement(found, table.count)
  return found
}

async function evaluateAll(
  table: Table,
  filters: readonly Filter[],
  signal: AbortSignal,
): Promise<Bitmap> {
  const spans: Span[] = []
  const others: Filter[] = []
  for (const filter of filters) {
    const span = spanOfLeaf(table.fields, filter)
    if (span === null) return emptyBitmap(table.count)
    if (span === undefined) others.push(filter)
    else addSpanTo(spans, span)
    if (isTurnOver()) await nextTurn(signal)
  }
  const left = fullBitmap(table.count)
  for (const condition of cheapestFirst(spans, others))
    if (!intersect(left, await meet(table, condition, signal))) break
  return left
}

async function meet(
  table: Table,
  { span, filter }: Condition,
  signal: AbortSignal,
): Promise<Bitmap> {
  if (span === null) return await evaluate(table, filter, signal)
  const found = emptyBitmap(table.count)
  await addSpan(found, span, signal)
  return found
}

/** Adds the rows that match, so that the branches of an `or` share one bitmap. */
async function addMatching(
  table: Table,
  filter: Filter,
  found: Bitmap,
  signal: AbortSignal,
): Promise<void> {
  switch (filter.op) {
    case 'or':
      for (const branch of filter.filters) {
        await addMatching(table, branch, found, signal)
        if (isTurnOver()) await nextTurn(signal)
      }
      return
    case 'in':
      return await addValues(table, filter.field, filter.values, found, signal)
    case 'eq':
      return await addValues(table, filter.field, [filter.value], found, signal)
    case 'exists':
      return await addPresent(table, filter.field, found, signal)
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte': {
      const span = spanOfLeaf(table.fields, filter)
      if (span) await addSpan(found, span, signal)
      return
    }
    default:
      unite(found, await evaluate(table, filter, signal))
  }
}

async function addValues(
  table: Table,
  field: string,
  values: readonly Scalar[],
  found: Bitmap,
  signal: AbortSignal,
): Promise<void> {
  if (field === DOCUMENT_ID) return await addDocuments(table, values, found, signal)
  const number = fieldNumber(table.fields, field)
  for (const value of values) {
    const span = spanOfValue(table.fields, number, value)
    if (span !== null) await addSpan(found, span, signal)
    else if (isTurnOver()) await nextTurn(signal)
  }
}

async function addDocuments(
  table: Table,
  ids: readonly Scalar[],
  found: Bitmap,
  signal: AbortSignal,
): Promise<void> {
  for (const id of ids) {
    if (typeof id !== 'string') continue
    const { from, to } = table.rowsOfDocument(id)
    addRun(found, from, to)
    if (isTurnOver()) await nextTurn(signal)
  }
}

async function addPresent(
  { fields, count }: Table,
  field: string,
  found: Bitmap,
  signal: AbortSignal,
): Promise<void> {
  if (field === DOCUMENT_ID) return addRun(found, 0, count)
  for (const span of spansOfField(fields, fieldNumber(fields, field)))
    await addSpan(found, span, signal)
}
