import { LIMITS } from '../../src/core/limits.ts'
import type { FusionSettings } from '../../src/retrieve/request.ts'

/** What a collection's policy can change without being indexed again. */
export interface FusionChoice {
  readonly fusion: FusionSettings
  readonly candidates: number
}

/** Shares of the dense leg, with the rest for the lexical one: finer where one of them is weak. */
const DENSE_SHARES = [0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1]
const CANDIDATES = [50, LIMITS.candidates.default, 200]
/** Results hardly depend on it (Cormack et al. 2009): one smaller than the usual 60, for short lists. */
const RRF_K = [20, 60]

/** Every fusion that is tried; candidates as far as they were asked for. */
export function fusionGrid(depth: number): FusionChoice[] {
  const depths = CANDIDATES.filter((candidates) => candidates <= depth)
  const methods = [
    ...RRF_K.map((k) => ({ method: 'rrf', k }) as const),
    { method: 'convex', k: 60 } as const,
  ]
  return (depths.length === 0 ? [depth] : depths).flatMap((candidates) =>
    methods.flatMap((method) =>
      DENSE_SHARES.map((share) => ({
        candidates,
        fusion: { ...method, weights: { dense: share, lexical: rounded(1 - share) } },
      })),
    ),
  )
}

function rounded(weight: number): number {
  return Math.round(weight * 100) / 100
}
