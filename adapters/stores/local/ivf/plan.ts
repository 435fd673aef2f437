import type { RowSearch } from '../found.ts'
import type { Ivf } from './index-of-lists.ts'

/** The numbers of results that a plan was measured for. */
export const MEASURED = [10, 100] as const
/** Rows looked at for each result asked for, at least. */
const ROWS_PER_RESULT = 10
/** Rows rescored, at least: that many cost little beside the rest. */
const DEPTH_MIN = 64
const DEPTH_PER_RESULT = 2
/** A filter that goes with the vectors can leave rows of keys so much alike that their codes tell them apart less well. */
const FILTERED_DEPTH = 2
/** Allowed rows that an exact scan of their int8 rows costs no more for than a search by codes. */
const SCAN_ROWS_MAX = 3_000

/** How far one search goes. */
export interface Reach {
  readonly probes: number
  /** Allowed rows to be seen, beside the probes. */
  readonly rowsMin: number
  readonly depth: number
  /** How far below the k-th best key a list's may lie for its rows to be worth a look. */
  readonly margin: number
}

/**
 * With a filter that goes by chance, the k best of the allowed rows are spread like the k × count ÷ allowed best of
 * all, so as many lists are looked into as for those. A filter that goes with the vectors shows in too few allowed
 * rows in those lists.
 */
export function reachOf(
  { plan, count, shape }: Ivf,
  { k, allowed, allowedCount }: RowSearch,
): Reach {
  const share = allowedCount / count
  const { probes: measured, depths } = allowed === null ? plan.unfiltered : plan.filtered
  const probes = Math.min(shape.lists, Math.ceil(between(measured, k / share, 0.5)))
  const usual = Math.ceil(((probes * count) / shape.lists) * share)
  const wider = allowed === null ? 1 : FILTERED_DEPTH
  const depth = Math.max(
    DEPTH_MIN,
    k * DEPTH_PER_RESULT,
    between(depths, k, 1) * wider,
    between(depths, k / share, 1) * share,
  )
  return {
    probes,
    rowsMin: Math.min(allowedCount, Math.max(usual, k * ROWS_PER_RESULT)),
    depth: Math.min(allowedCount, Math.ceil(depth)),
    margin: between(plan.margins, k, 0),
  }
}

/** Whether to score all allowed rows by their int8 rows, and no others. */
export function isScanBetter({ allowed, allowedCount }: RowSearch, { depth }: Reach): boolean {
  return allowed !== null && allowedCount <= Math.max(SCAN_ROWS_MAX, depth)
}

/** What was measured for ten and for a hundred, for k: on a line over log k, beyond a hundred with a power of k. */
function between([ten, hundred]: readonly [number, number], k: number, power: number): number {
  if (k <= MEASURED[0]) return ten
  if (k <= MEASURED[1]) return ten + (hundred - ten) * Math.log10(k / MEASURED[0])
  return hundred * (k / MEASURED[1]) ** power
}
