import { cosines } from './cosines.ts'
import { wordHashes } from './words.ts'

export interface Diversifiable {
  readonly text: string
  /** What it is ranked by; only differences within the pool count. */
  readonly score: number
}

/** Values closer than this differ by rounding only. */
const TIE = 1e-9

/**
 * Maximal marginal relevance (Carbonell & Goldstein 1998): picks in turn the item with the most
 * λ · relevance − (1 − λ) · similarity to the nearest one picked before. Relevance is the score scaled to [0, 1] over
 * the pool, similarity the cosine of tf-idf vectors over it. Ties keep the given order. Gives the items' positions, each
 * worked out when it is asked for.
 */
export function* diversify(
  pool: readonly Diversifiable[],
  lambda: number,
): Generator<number, void> {
  const relevance = scaled(pool.map(({ score }) => score))
  const similarity = cosines(pool.map(({ text }) => wordHashes(text)))
  const nearest = new Float64Array(pool.length)
  const left = new Set(pool.keys())
  while (left.size > 0) {
    let best = -1
    let bestValue = Number.NEGATIVE_INFINITY
    for (const item of left) {
      const value = lambda * (relevance[item] ?? 0) - (1 - lambda) * (nearest[item] ?? 0)
      if (value > bestValue + TIE) {
        best = item
        bestValue = value
      }
    }
    left.delete(best)
    yield best
    const toBest = similarity(best)
    for (const item of left) nearest[item] = Math.max(nearest[item] ?? 0, toBest[item] ?? 0)
  }
}

function scaled(scores: readonly number[]): number[] {
  const lowest = scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY)
  const highest = scores.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY)
  return scores.map((score) => (highest > lowest ? (score - lowest) / (highest - lowest) : 1))
}
