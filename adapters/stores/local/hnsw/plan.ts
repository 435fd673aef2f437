import type { RowSearch } from '../found.ts'
import type { HnswSpec } from './hnsw-spec.ts'

/** Candidates looked at for each result asked for: recall@100 of 0.99 at 400 (100,000 × 384). */
const WIDTH_PER_RESULT = 4
/** One search holds its thread throughout: about 8 ms at so many candidates among 100,000 rows of 384 dimensions. */
const WIDTH_MAX = 1_280
/** Of the candidates of a search without a filter, as many as a search with one should see that it may answer. */
const SEEN_SHARE = 0.75
/** Rows of an exact int8 scan that take as long as one candidate of the graph, and as the way down to the first. */
const SCAN_ROWS_PER_CANDIDATE = 30
const SCAN_ROWS_TO_ENTER = 2_000
/** How much wider than the last try the next may be. */
const GROWTH_MAX = 8

/** How many candidates the graph is searched through when every row is allowed. */
export function baseWidth(spec: HnswSpec, k: number, rows: number): number {
  return Math.min(rows, Math.max(spec.efSearch, k, Math.min(WIDTH_MAX, k * WIDTH_PER_RESULT)))
}

/** So wide that as many allowed candidates are seen as SEEN_SHARE says, if the filter is random. */
export function firstWidth(
  base: number,
  rows: number,
  { allowed, allowedCount }: RowSearch,
): number {
  if (allowed === null) return base
  const width = Math.ceil((SEEN_SHARE * base * rows) / allowedCount)
  return Math.min(rows, Math.max(base, width))
}

/** After a search that saw too few: where the filter goes with the vectors, what was seen says more than the average. */
export function widerThan(width: number, base: number, seen: number, rows: number): number {
  const growth = Math.min(GROWTH_MAX, Math.max(2, base / Math.max(1, seen)))
  return Math.min(rows, Math.ceil(width * growth))
}

/**
 * Whether looking at all allowed rows is quicker than the graph, or the graph would hold its thread for too long: not
 * where a search without a filter is as wide, which was asked for.
 */
export function isScanBetter(width: number, base: number, allowedCount: number): boolean {
  const isTooWide = width > Math.max(base, WIDTH_MAX)
  return isTooWide || allowedCount <= SCAN_ROWS_TO_ENTER + width * SCAN_ROWS_PER_CANDIDATE
}
