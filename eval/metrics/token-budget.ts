import type { Judgments } from '../types.ts'
import { isRelevant } from './metric.ts'

export interface SizedHit {
  /** Of the document that is judged; several hits may be of one. */
  readonly id: string
  readonly tokens: number
}

/**
 * 1 when something relevant is among the hits that a prompt of so many tokens holds whole, else 0. Hits are taken in
 * their order up to the first that does not fit: what ranks below that one does not take its place, as in prompts.
 */
export function hitWithinTokens(
  hits: Iterable<SizedHit>,
  judgments: Judgments,
  tokensMax: number,
): number {
  let spent = 0
  for (const { id, tokens } of hits) {
    spent += tokens
    if (spent > tokensMax) return 0
    if (isRelevant(judgments.get(id))) return 1
  }
  return 0
}
