import { QuarryError } from '../../src/core/errors.ts'
import type { Judgments, Ranked } from '../types.ts'
import { isRelevant } from './metric.ts'

/**
 * 1 when something relevant is among the hits that a prompt of so many tokens holds whole, else 0. Hits are taken in
 * their order up to the first that does not fit: what ranks below that one does not take its place, as in prompts.
 * @throws QuarryError `invalid_request` where nobody counted their tokens
 */
export function hitWithinTokens(
  hits: Iterable<Pick<Ranked, 'id' | 'tokens'>>,
  judgments: Judgments,
  tokensMax: number,
): number {
  let spent = 0
  for (const { id, tokens } of hits) {
    if (tokens === undefined) throw notCounted()
    spent += tokens
    if (spent > tokensMax) return 0
    if (isRelevant(judgments.get(id))) return 1
  }
  return 0
}

function notCounted(): QuarryError {
  return new QuarryError(
    'invalid_request',
    'hit_rate_tokens needs the token counts of what was retrieved, and there are none here',
  )
}
