import { QuarryError } from '../../src/core/errors.ts'
import { createPace } from '../../src/core/pace.ts'
import type { Ranked, Run } from '../types.ts'

/**
 * A run in the order in which trec_eval sees it, whatever its own is: by score as a 32-bit float, highest first, then
 * by id, the greatest first in the order of its UTF-8 bytes. Scores that differ below 32 bits are ties there.
 * @throws QuarryError `invalid_request` for a score that is no number
 */
export async function asTrecEval(run: Run): Promise<Run> {
  const pace = createPace()
  const ordered = new Map<string, readonly Ranked[]>()
  for (const [query, ranking] of run) {
    const odd = ranking.find(({ score }) => Number.isNaN(score))
    if (odd !== undefined)
      throw new QuarryError(
        'invalid_request',
        `query ${query}: the score of document ${odd.id} is not a number`,
      )
    ordered.set(query, ranking.toSorted(compareAsTrecEval))
    await pace()
  }
  return ordered
}

function compareAsTrecEval(a: Ranked, b: Ranked): number {
  const [first, second] = [Math.fround(a.score), Math.fround(b.score)]
  if (first !== second) return first > second ? -1 : 1
  return Buffer.compare(Buffer.from(b.id), Buffer.from(a.id))
}
