import type { RowSearch } from '../found.ts'
import type { HnswSpec } from './hnsw-spec.ts'

/** Candidates looked at for each result asked for: recall@100 of 0.99 at 400 (100,000 × 384). */
const WIDTH_PER_RESULT = 4
/** One search holds its thread throughout: about 3 ms at so many candidates of 384 dimensions. */
const WIDTH_MAX = 2_048
/** Rows of an exact int8 scan that take as long as one candidate of the graph, and as the way down to the first. */
const SCAN_ROWS_PER_CANDIDATE = 14
const SCAN_ROWS_TO_ENTER = 2_000
/** How much wider than the last try the next may be. */
const GROWTH_MAX = 8

/** How many candidates the graph is searched through when every row is allowed. */
export function baseWidth(spec: HnswSpec, k: number, rows: number): number {
  return Math.min(rows, Math.max(spec.efSearch, k * WIDTH_PER_RESULT))
}

/** So wide that as many allowed candidates are seen as of a search without a filter, if the filter is random. */
export function firstWidth(
  base: number,
  rows: number,
  { allowed, allowedCount }: RowSearch,
): number {
  return allowed === null ? base : Math.min(rows, Math.ceil((base * rows) / allowedCount))
}

/** After a search that saw too few: where the filter goes with the vectors, what was seen says more than the average. */
export function widerThan(width: number, base: number, seen: number, rows: number): number {
  const growth = Math.min(GROWTH_MAX, Math.max(2, base / Math.max(1, seen)))
  return Math.min(rows, Math.ceil(width * growth))
}

/** Whether looking at all allowed rows is quicker than the graph, or the graph would hold its thread for too long. */
export function isScanBetter(width: number, allowedCount: number): boolean {
  return width > WIDTH_MAX || allowedCount <= SCAN_ROWS_TO_ENTER + width * SCAN_ROWS_PER_CANDIDATE
}
