import { QuarryError } from './errors.ts'
import type { Metadata, MetadataValue, Scalar } from './model.ts'

/**
 * The one filter language. Every store translates it; `matches` says what it means.
 * A field that is absent equals nothing, is in no list and in no range, so `ne` and `nin` hold for it.
 * On an array, `eq`, `in` and the ranges ask whether some element does; `ne` and `nin` are their negations.
 */
export type Filter =
  | { readonly op: 'eq' | 'ne'; readonly field: string; readonly value: Scalar }
  | { readonly op: 'in' | 'nin'; readonly field: string; readonly values: readonly Scalar[] }
  | { readonly op: RangeOp; readonly field: string; readonly value: number | string }
  | { readonly op: 'exists'; readonly field: string }
  | { readonly op: 'and' | 'or'; readonly filters: readonly Filter[] }
  | { readonly op: 'not'; readonly filter: Filter }

export type RangeOp = 'gt' | 'gte' | 'lt' | 'lte'

/** What a filter sees of a chunk: its metadata and the reserved field `document_id`. */
export interface Filterable {
  readonly documentId: string
  readonly metadata: Metadata
}

/** Fields that a caller's metadata may not carry, because filters and answers give them a meaning of their own. */
export const RESERVED_FIELDS: ReadonlySet<string> = new Set([
  'document_id',
  'chunk_id',
  'tenant_id',
  'tenant',
  'collection',
  '__proto__',
  'constructor',
  'prototype',
])

export function matches(filter: Filter, chunk: Filterable): boolean {
  switch (filter.op) {
    case 'eq':
      return some(fieldOf(chunk, filter.field), (value) => value === filter.value)
    case 'ne':
      return !some(fieldOf(chunk, filter.field), (value) => value === filter.value)
    case 'in':
      return some(fieldOf(chunk, filter.field), (value) => filter.values.includes(value))
    case 'nin':
      return !some(fieldOf(chunk, filter.field), (value) => filter.values.includes(value))
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return some(fieldOf(chunk, filter.field), (value) => inRange(filter.op, value, filter.value))
    case 'exists':
      return fieldOf(chunk, filter.field) !== undefined
    case 'and':
      return filter.filters.every((child) => matches(child, chunk))
    case 'or':
      return filter.filters.some((child) => matches(child, chunk))
    case 'not':
      return !matches(filter.filter, chunk)
  }
}

function fieldOf(chunk: Filterable, field: string): MetadataValue | undefined {
  if (field === 'document_id') return chunk.documentId
  return Object.hasOwn(chunk.metadata, field) ? chunk.metadata[field] : undefined
}

function some(value: MetadataValue | undefined, holds: (element: Scalar) => boolean): boolean {
  if (value === undefined) return false
  return Array.isArray(value) ? value.some(holds) : holds(value as Scalar)
}

/** Numbers compare with numbers, RFC 3339 dates and times with such as instants; nothing else is in any range. */
function inRange(op: RangeOp, value: Scalar, bound: number | string): boolean {
  const left = typeof bound === 'number' ? value : instantOf(value)
  const right = typeof bound === 'number' ? bound : instantOf(bound)
  if (typeof left !== 'number' || right === undefined) return false
  switch (op) {
    case 'gt':
      return left > right
    case 'gte':
      return left >= right
    case 'lt':
      return left < right
    case 'lte':
      return left <= right
  }
}

/** A date alone, or date and time with an offset (RFC 3339 §5.6, at most microseconds). */
const RFC3339 =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d))?$/

/** Milliseconds since 1970 of an RFC 3339 date (as midnight UTC) or time; undefined for anything else. */
export function instantOf(value: Scalar): number | undefined {
  if (typeof value !== 'string' || !RFC3339.test(value) || !isDayOfItsMonth(value)) return undefined
  const ms = Date.parse(value)
  return Number.isNaN(ms) ? undefined : ms
}

/** `Date.parse` reads 30 February as 1 March. */
function isDayOfItsMonth(date: string): boolean {
  const day = Number(date.slice(8, 10))
  if (day <= 28) return true
  return (
    day <= new Date(Date.UTC(Number(date.slice(0, 4)), Number(date.slice(5, 7)), 0)).getUTCDate()
  )
}

export interface FilterLimits {
  readonly depthMax: number
  readonly conditionsMax: number
  readonly valuesMax: number
}

/**
 * @throws QuarryError `invalid_request` for a filter deeper, wider or longer than the limits, naming the place
 */
export function checkFilter(filter: Filter, limits: FilterLimits): void {
  const conditions = countConditions(filter, 1, limits)
  if (conditions > limits.conditionsMax)
    throw new QuarryError(
      'invalid_request',
      `filter has more than ${limits.conditionsMax} conditions`,
    )
}

function countConditions(node: Filter, depth: number, limits: FilterLimits): number {
  if (depth > limits.depthMax)
    throw new QuarryError('invalid_request', `filter is nested deeper than ${limits.depthMax}`)
  switch (node.op) {
    case 'and':
    case 'or':
      return node.filters.reduce((sum, child) => sum + countConditions(child, depth + 1, limits), 0)
    case 'not':
      return countConditions(node.filter, depth + 1, limits)
    case 'in':
    case 'nin':
      if (node.values.length > limits.valuesMax)
        throw new QuarryError(
          'invalid_request',
          `filter on "${node.field}" lists more than ${limits.valuesMax} values`,
        )
      return 1
    default:
      return 1
  }
}
