import type { Features } from './features.ts'

/**
 * What tells how likely a passage is to be relevant: what it shows by itself, in [0, 1], and how far it stands out from
 * the others of its head.
 */
export interface Evidence
  extends Pick<Features, 'coverage' | 'proximity' | 'order' | 'heading' | 'interaction'> {
  /** Log odds of its softmax share of the head's scores. */
  readonly share: number
  /** How near the head's best comes to what BM25 can reach: little where the query's words are hardly there. */
  readonly saturation: number
}

/** Odds add up: a bias, and each piece of evidence times its slope. None but the bias is below 0. */
export type Slopes = Readonly<Partial<Record<keyof Evidence, number>> & { readonly bias: number }>

/** One in ten thousand, and the other way round for a lone candidate. */
const LOG_ODDS_MAX = Math.log(1e4)

/** The probability, by logistic regression. */
export function relevanceOf(evidence: Evidence, { bias, ...slopes }: Slopes): number {
  let odds = bias
  for (const name of Object.keys(slopes) as (keyof Evidence)[])
    odds += (slopes[name] ?? 0) * evidence[name]
  return logistic(odds)
}

export function logistic(odds: number): number {
  return 1 / (1 + Math.exp(-odds))
}

/** Scores are logits, since the weights were fitted by softmax over the heads. */
export function sharesOf(scores: readonly number[]): number[] {
  const highest = Math.max(...scores)
  const powers = scores.map((score) => Math.exp(score - highest))
  const total = powers.reduce((sum, power) => sum + power, 0)
  return powers.map((power) => {
    const logOdds = Math.log(power) - Math.log(total - power)
    return Math.min(LOG_ODDS_MAX, Math.max(-LOG_ODDS_MAX, logOdds))
  })
}
