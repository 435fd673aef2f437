import type { Metric } from '../../../../src/core/vector-store.ts'
import type { Found, RowSearch } from '../found.ts'
import { type ExactQuery, exactQuery, exactScore } from '../hnsw/exact-scores.ts'
import type { ReadVectors } from '../hnsw/graph.ts'
import { TopK } from '../top-k.ts'
import type { Near } from './nearest.ts'

/** The k best in order, by their rounded scores. */
export function rankRounded({ rows, scores }: Near, search: RowSearch): Found {
  return best(rows, scores, search)
}

/** The k best in order, by their vectors. */
export async function rankExactly(
  metric: Metric,
  vector: Float32Array,
  near: Near,
  search: RowSearch,
  readVectors: ReadVectors,
  signal: AbortSignal,
): Promise<Found> {
  const rows = headOf(near, search)
  const floats = await readVectors(rows, signal)
  return best(rows, scoresOf(exactQuery(metric, vector), floats, rows.length), search)
}

/** The best 2k + 10 by rounded scores: the k best are among them in all but freak cases. */
function headOf({ rows, scores }: Near, { k, isBefore }: RowSearch): number[] {
  const top = new TopK(2 * k + 10, isBefore)
  for (let i = 0; i < rows.length; i++) top.add(scores[i] as number, rows[i] as number)
  return top.entries().map(({ row }) => row)
}

function scoresOf(query: ExactQuery, floats: Float32Array, count: number): Float64Array {
  const scores = new Float64Array(count)
  for (let i = 0; i < count; i++) scores[i] = exactScore(query, floats, i * query.vector.length)
  return scores
}

function best(
  rows: ArrayLike<number>,
  scores: Float64Array,
  { k, floor, isBefore }: RowSearch,
): Found {
  const top = new TopK(k, isBefore)
  for (let i = 0; i < rows.length; i++)
    if ((scores[i] as number) >= floor) top.add(scores[i] as number, rows[i] as number)
  const entries = top.entries()
  entries.sort((a, b) => b.score - a.score || (isBefore(a.row, b.row) ? -1 : 1))
  return {
    rows: entries.map(({ row }) => row),
    scores: entries.map(({ score }) => score),
    complete: true,
  }
}
