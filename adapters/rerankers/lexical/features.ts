import type { RerankCandidate } from '../../../src/core/reranker.ts'
import type { Measures } from './measures.ts'

/**
 * What a candidate is ordered by, in [0, 1] each: its measures, and the scores of the stages before. `fused`, `dense`
 * and `saturation` are scaled over the candidates at hand, since how large they are depends on the query.
 */
export interface Features extends Measures {
  /** The fused score. */
  readonly fused: number
  /** The dense leg's own score times that leg's share in fusion: a leg is trusted here as far as it is there. */
  readonly dense: number
  /** How well each of the query's tokens is met by the passage's nearest one; 0 where no token has a vector. */
  readonly interaction: number
}

export interface Measured {
  readonly candidate: RerankCandidate
  readonly measures: Measures
  readonly interaction: number
}

export function featuresOf(head: readonly Measured[], denseShare: number): readonly Features[] {
  const fused = stretched(head.map(({ candidate }) => candidate.fusedScore))
  const dense = stretched(head.map(({ candidate }) => candidate.denseScore))
  const saturation = stretched(head.map(({ measures }) => measures.saturation))
  return head.map(({ measures, interaction }, place) => ({
    ...measures,
    saturation: saturation[place] as number,
    fused: fused[place] as number,
    dense: denseShare * (dense[place] as number),
    interaction,
  }))
}

/** Over 0 to 1; what a leg did not return counts like the least that it did. */
function stretched(scores: readonly (number | null)[]): number[] {
  const known = scores.filter((score) => score !== null)
  const least = Math.min(...known)
  const spread = Math.max(...known) - least
  return scores.map((score) => {
    if (score === null) return 0
    return spread > 0 ? (score - least) / spread : 1
  })
}
