import type { Features } from './features.ts'

/** A candidate's score is the sum of its features, each times its weight. None is below 0: more is never worse. */
export type Weights = Readonly<Partial<Record<keyof Features, number>>>

export function scoreOf(features: Features, weights: Weights): number {
  let score = 0
  for (const name of Object.keys(weights) as (keyof Features)[])
    score += (weights[name] ?? 0) * features[name]
  return score
}
