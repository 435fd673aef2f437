import { round } from '../measure/lanes.ts'

export interface Bound {
  readonly name: string
  /** Null where it could not be measured. */
  readonly value: number | null
  readonly bound: number
  readonly relation: '<=' | '>='
  readonly holds: boolean | null
  /** Why there is no value. */
  readonly reason?: string
  readonly detail?: Readonly<Record<string, unknown>>
}

type Detail = Readonly<Record<string, unknown>>

export function atMost(name: string, value: number, bound: number, detail: Detail = {}): Bound {
  return { name, value: round(value), bound, relation: '<=', holds: value <= bound, detail }
}

export function atLeast(name: string, value: number, bound: number, detail: Detail = {}): Bound {
  return { name, value: round(value), bound, relation: '>=', holds: value >= bound, detail }
}

export function notMeasured(
  name: string,
  relation: Bound['relation'],
  bound: number,
  reason: string,
): Bound {
  return { name, value: null, bound, relation, holds: null, reason }
}
