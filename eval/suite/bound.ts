/** One promise of the project about its quality, measured. */
export interface Bound {
  readonly name: string
  /** Null where it was not measured. */
  readonly value: number | null
  readonly bound: number
  readonly relation: '<=' | '>='
  readonly holds: boolean | null
  /** Why there is no value. */
  readonly reason?: string
  readonly detail?: Detail
}

type Detail = Readonly<Record<string, unknown>>

/** @param decimals with which value and bound are compared: those with which the bound was published */
export function atLeast(
  name: string,
  value: number,
  bound: number,
  detail?: Detail,
  decimals?: number,
): Bound {
  return measured(name, value, bound, '>=', detail, decimals)
}

export function atMost(name: string, value: number, bound: number, detail?: Detail): Bound {
  return measured(name, value, bound, '<=', detail)
}

function measured(
  name: string,
  value: number,
  bound: number,
  relation: Bound['relation'],
  detail: Detail | undefined,
  decimals = 4,
): Bound {
  const compared = rounded(value, decimals)
  const holds = relation === '>=' ? compared >= bound : compared <= bound
  return {
    name,
    value: rounded(value, 4),
    bound,
    relation,
    holds,
    ...(detail === undefined ? {} : { detail }),
  }
}

function rounded(value: number, decimals: number): number {
  return Math.round(value * 10 ** decimals) / 10 ** decimals
}

export function notRun(
  name: string,
  relation: Bound['relation'],
  bound: number,
  reason: string,
): Bound {
  return { name, value: null, bound, relation, holds: null, reason }
}
