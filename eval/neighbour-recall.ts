import type { Neighbours } from './target.ts'

/** Room for the rounding of two ways to compute one score. */
const TOLERANCE = 1e-6

/** Mean share of the k truly nearest that the index found; one as near as the k-th counts, since a tie has no order. */
export function neighbourRecall(asked: Iterable<Neighbours>, k: number): number | null {
  let sum = 0
  let count = 0
  for (const { found, exact } of asked) {
    const nearest = exact.slice(0, k)
    const last = nearest.at(-1)
    if (last === undefined) continue
    const known = new Set(nearest.map(({ id }) => id))
    const least = last.score - TOLERANCE * Math.max(1, Math.abs(last.score))
    const hits = found.slice(0, k).filter(({ id, score }) => known.has(id) || score >= least)
    sum += Math.min(1, hits.length / nearest.length)
    count += 1
  }
  return count === 0 ? null : sum / count
}
