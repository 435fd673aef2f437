import type { Filter } from '../../../../src/core/filter.ts'
import { DOCUMENT_ID } from './build-columns.ts'
import { type Fields, fieldNumber, spanOfRange, spanOfValue } from './fields.ts'
import { rowCountOf, type Span } from './value-lists.ts'

/** What all wanted rows must be in: some values of a field, or whatever a filter finds. */
export type Condition =
  | { readonly span: Span; readonly filter: null; readonly cost: number }
  | { readonly span: null; readonly filter: Filter; readonly cost: number }

/** About what looking up one value of a list costs, in added rows. */
const LOOKUP_COST = 100

/**
 * What the span of an equality or of a range is; null where no value can do, undefined for what is not one span.
 */
export function spanOfLeaf(fields: Fields, filter: Filter): Span | null | undefined {
  switch (filter.op) {
    case 'eq':
      if (filter.field === DOCUMENT_ID) return undefined
      return spanOfValue(fields, fieldNumber(fields, filter.field), filter.value)
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return spanOfRange(fields, fieldNumber(fields, filter.field), filter.op, filter.value)
    default:
      return undefined
  }
}

/**
 * Two spans of one field are narrowed to what they share, as the ends of a range of dates are, where no row has two
 * values of it: an array may meet each condition by another element.
 */
export function addSpanTo(spans: Span[], added: Span): void {
  const { lists, field } = added
  const at = spans.findIndex((span) => span.lists === lists && span.field === field)
  const known = spans[at]
  if (known === undefined || lists.single[field] !== 1) {
    spans.push(added)
    return
  }
  const from = Math.max(known.from, added.from)
  spans[at] = { lists, field, from, to: Math.min(known.to, added.to) }
}

/** What is likely to cost and to leave little comes first, since nothing is looked for in what is empty. */
export function cheapestFirst(spans: readonly Span[], filters: readonly Filter[]): Condition[] {
  return [
    ...spans.map((span) => ({ span, filter: null, cost: rowCountOf(span) })),
    ...filters.map((filter) => ({ span: null, filter, cost: costOf(filter) })),
  ].sort((a, b) => a.cost - b.cost)
}

function costOf(filter: Filter): number {
  if (filter.op === 'eq') return 0
  return filter.op === 'in' ? filter.values.length * LOOKUP_COST : Number.MAX_VALUE
}
