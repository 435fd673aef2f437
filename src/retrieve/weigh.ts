import { denseWeightAt } from '../core/dense-weight.ts'
import type { Candidate } from '../core/model.ts'
import type { PlannedFusion } from './deps.ts'
import type { FusionSettings } from './request.ts'

/** Settles what the dense leg weighs, now that its best candidate is known. */
export function weigh(
  { method, k, weights }: PlannedFusion,
  dense: readonly Candidate[] | null,
): FusionSettings {
  const best = dense?.[0]?.score ?? null
  return { method, k, weights: { ...weights, dense: denseWeightAt(weights.dense, best) } }
}
