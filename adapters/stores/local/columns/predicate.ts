import {
  type Filter,
  type Filterable,
  instantOf,
  type RangeOp,
} from '../../../../src/core/filter.ts'
import type { MetadataValue, Scalar } from '../../../../src/core/model.ts'
import { DOCUMENT_ID } from './build-columns.ts'

export type Predicate = (chunk: Filterable) => boolean
type Test = (element: Scalar) => boolean

/** What `matches` says of many chunks: lists and dates of the filter are read once, not for each chunk. */
export function predicateOf(filter: Filter): Predicate {
  switch (filter.op) {
    case 'and': {
      const all = filter.filters.map(predicateOf)
      return (chunk) => all.every((holds) => holds(chunk))
    }
    case 'or': {
      const any = filter.filters.map(predicateOf)
      return (chunk) => any.some((holds) => holds(chunk))
    }
    case 'not':
      return not(predicateOf(filter.filter))
    case 'ne':
      return not(predicateOf({ ...filter, op: 'eq' }))
    case 'nin':
      return not(predicateOf({ ...filter, op: 'in' }))
    case 'exists':
      return (chunk) => fieldOf(chunk, filter.field) !== undefined
    case 'eq':
      return someElement(filter.field, (element) => element === filter.value)
    case 'in': {
      const values = new Set(filter.values)
      return someElement(filter.field, (element) => values.has(element))
    }
    default:
      return someElement(filter.field, inRange(filter.op, filter.value))
  }
}

function not(holds: Predicate): Predicate {
  return (chunk) => !holds(chunk)
}

function someElement(field: string, holds: Test): Predicate {
  return (chunk) => {
    const value = fieldOf(chunk, field)
    if (value === undefined) return false
    return Array.isArray(value) ? value.some(holds) : holds(value as Scalar)
  }
}

function fieldOf(chunk: Filterable, field: string): MetadataValue | undefined {
  if (field === DOCUMENT_ID) return chunk.documentId
  return Object.hasOwn(chunk.metadata, field) ? chunk.metadata[field] : undefined
}

function inRange(op: RangeOp, given: number | string): Test {
  if (typeof given === 'number')
    return (element) => typeof element === 'number' && compares(op, element, given)
  const bound = instantOf(given)
  if (bound === undefined) return () => false
  return (element) => {
    const instant = instantOf(element)
    return instant !== undefined && compares(op, instant, bound)
  }
}

function compares(op: RangeOp, value: number, bound: number): boolean {
  switch (op) {
    case 'gt':
      return value > bound
    case 'gte':
      return value >= bound
    case 'lt':
      return value < bound
    case 'lte':
      return value <= bound
  }
}
