import { type Filter, type Filterable, instantOf, type RangeOp } from '../../../src/core/filter.ts'
import type { MetadataValue, Scalar } from '../../../src/core/model.ts'

/** Adds a value to the statement's parameters and gives back its placeholder. */
export type Bind = (value: unknown) => string

/**
 * The filter as an SQL condition that is true exactly where `matches` is, and never null. Fields, values and bounds
 * travel as parameters only. It reads the columns `document_id`, `metadata` and `instants`.
 */
export function toSql(filter: Filter, bind: Bind): string {
  switch (filter.op) {
    case 'eq':
      return equals(filter.field, filter.value, bind)
    case 'ne':
      return `(not ${equals(filter.field, filter.value, bind)})`
    case 'in':
      return isOneOf(filter.field, filter.values, bind)
    case 'nin':
      return `(not ${isOneOf(filter.field, filter.values, bind)})`
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return inRange(filter.field, filter.op, filter.value, bind)
    case 'exists':
      return `(${fieldOf(filter.field, bind)} is not null)`
    case 'and':
      return all(filter.filters, ' and ', 'true', bind)
    case 'or':
      return all(filter.filters, ' or ', 'false', bind)
    case 'not':
      return `(not ${toSql(filter.filter, bind)})`
  }
}

function all(filters: readonly Filter[], joint: string, none: string, bind: Bind): string {
  if (filters.length === 0) return none
  return `(${filters.map((child) => toSql(child, bind)).join(joint)})`
}

function fieldOf(field: string, bind: Bind): string {
  return field === 'document_id'
    ? 'to_jsonb(document_id)'
    : `(metadata -> ${bind(encodeText(field))}::text)`
}

/** `@>` with a scalar on the right holds for that scalar and for an array with it, as `matches` wants. */
function equals(field: string, value: Scalar, bind: Bind): string {
  const wanted = encodeScalar(value)
  if (wanted === null) return 'false'
  return `coalesce(${fieldOf(field, bind)} @> ${bind(wanted)}::text::jsonb, false)`
}

/** `= any` of a constant array is hashed by the planner, so a thousand values cost little more than one. */
function isOneOf(field: string, values: readonly Scalar[], bind: Bind): string {
  const wanted = values.map(encodeScalar).filter((value) => value !== null)
  if (wanted.length === 0) return 'false'
  return `exists (select 1 from jsonb_array_elements(${elementsOf(fieldOf(field, bind))}) as e(value) where e.value = any(${bind(wanted)}::text[]::jsonb[]))`
}

/** An absent field becomes `[null]`, and no wanted value is null. */
function elementsOf(value: string): string {
  return `case jsonb_typeof(${value}) when 'array' then ${value} else jsonb_build_array(${value}) end`
}

const COMPARISONS: Readonly<Record<RangeOp, string>> = { gt: '>', gte: '>=', lt: '<', lte: '<=' }

/** Lax JSON paths step into arrays by themselves, and comparing a number with anything else is not true. */
function inRange(field: string, op: RangeOp, bound: number | string, bind: Bind): string {
  const number = typeof bound === 'number' ? bound : instantOf(bound)
  if (number === undefined || Number.isNaN(number)) return 'false'
  const path = `'$[*] ? (@ ${COMPARISONS[op]} $bound)'`
  const source =
    typeof bound === 'number'
      ? fieldOf(field, bind)
      : `(instants -> ${bind(encodeText(field))}::text)`
  return `coalesce(jsonb_path_exists(${source}, ${path}, jsonb_build_object('bound', ${bind(encodeNumber(number))}::text::jsonb)), false)`
}

/** JSON has no infinity, but Postgres' numbers reach beyond every double. */
function encodeNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '1e400'
  if (value === Number.NEGATIVE_INFINITY) return '-1e400'
  return JSON.stringify(value)
}

function encodeScalar(value: Scalar): string | null {
  if (typeof value === 'string') return JSON.stringify(encodeText(value))
  if (typeof value === 'boolean') return String(value)
  return Number.isNaN(value) ? null : encodeNumber(value)
}

/** Postgres takes neither NUL nor half a surrogate pair: both are written as `\xxxx`, and so is the backslash. */
export function encodeText(text: string): string {
  return text.replace(
    /[\\\0]|\p{Surrogate}/gu,
    (unit) => `\\${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The metadata as `toSql` expects it in the column `metadata`. */
export function encodeMetadata({ metadata }: Filterable): string {
  const encoded = Object.entries(metadata).map(([field, value]) => [
    encodeText(field),
    encodeValue(value),
  ])
  return JSON.stringify(Object.fromEntries(encoded))
}

function encodeValue(value: MetadataValue): unknown {
  if (typeof value === 'string') return encodeText(value)
  if (!Array.isArray(value)) return value
  return value.map((element) => (typeof element === 'string' ? encodeText(element) : element))
}

/**
 * The column `instants`: for each field, the instants that its strings name, in ms since 1970. Reading dates here and
 * not in SQL makes a date range mean in Postgres what it means everywhere else, to the last odd leap day.
 */
export function encodeInstants({ documentId, metadata }: Filterable): string {
  const encoded: [string, number[]][] = []
  const fields = [['document_id', documentId] as const, ...Object.entries(metadata)]
  for (const [field, value] of fields) {
    const elements: readonly Scalar[] = Array.isArray(value) ? value : [value as Scalar]
    const instants = elements.map(instantOf).filter((instant) => instant !== undefined)
    if (instants.length > 0) encoded.push([encodeText(field), instants])
  }
  return JSON.stringify(Object.fromEntries(encoded))
}
