import { termScore } from './formula.ts'
import { type PostingArrays, unitsAt } from './postings-blocks.ts'

/** Exact scores, and what they are computed from. */
export interface RowScorer {
  readonly postings: PostingArrays
  /** By the byte of a row's length, at the search's average. */
  readonly norms: Float64Array
  readonly unit: number
}

/** What a posting adds to the score of its row. */
export function postingScore(
  { postings, norms, unit }: RowScorer,
  posting: number,
  row: number,
  weight: number,
): number {
  const norm = norms[postings.lengths[row] as number] as number
  return termScore(weight, unitsAt(postings, posting) * unit, norm)
}
