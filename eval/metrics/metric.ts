import type { Judgments, Ranked } from '../types.ts'

/** What a ranking is worth for one query; between 0 and 1. */
export interface Metric {
  readonly name: string
  /** Of what is ranked. */
  readonly needsTokens: boolean
  /** @param ranking each document once, in the order that is judged: scores are not looked at */
  readonly score: (ranking: readonly Ranked[], judgments: Judgments) => number
}

/** As trec_eval's `-l 1`: what was judged 0 or below, or not at all, is irrelevant. */
export function isRelevant(grade: number | undefined): boolean {
  return grade !== undefined && grade > 0
}

export function relevantCount(judgments: Judgments): number {
  let count = 0
  for (const grade of judgments.values()) if (isRelevant(grade)) count += 1
  return count
}
