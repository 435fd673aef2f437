import type { Judgments, Ranked } from '../types.ts'
import { isRelevant, relevantCount } from './metric.ts'

/** Relevant documents among the first k. */
function found(ranking: readonly Ranked[], judgments: Judgments, k: number): number {
  let count = 0
  for (let at = 0; at < ranking.length && at < k; at += 1)
    if (isRelevant(judgments.get((ranking[at] as Ranked).id))) count += 1
  return count
}

/** Share of k, however few there are: trec_eval's `P`. */
export function precision(ranking: readonly Ranked[], judgments: Judgments, k: number): number {
  return found(ranking, judgments, k) / k
}

/** Share of all that is relevant: trec_eval's `recall`. */
export function recall(ranking: readonly Ranked[], judgments: Judgments, k: number): number {
  const relevant = relevantCount(judgments)
  return relevant === 0 ? 0 : found(ranking, judgments, k) / relevant
}

/** 1 when anything relevant is there: trec_eval's `success`. */
export function success(ranking: readonly Ranked[], judgments: Judgments, k: number): number {
  return found(ranking, judgments, k) > 0 ? 1 : 0
}

/** 1 / rank of the first relevant one within k, else 0: trec_eval's `recip_rank` of a run cut at k. */
export function reciprocalRank(
  ranking: readonly Ranked[],
  judgments: Judgments,
  k: number,
): number {
  const at = ranking.slice(0, k).findIndex(({ id }) => isRelevant(judgments.get(id)))
  return at < 0 ? 0 : 1 / (at + 1)
}

/** Precision at each relevant document within k, over all that is relevant: trec_eval's `map` and `map_cut`. */
export function averagePrecision(
  ranking: readonly Ranked[],
  judgments: Judgments,
  k: number,
): number {
  const relevant = relevantCount(judgments)
  let count = 0
  let sum = 0
  for (let at = 0; at < ranking.length && at < k; at += 1) {
    if (!isRelevant(judgments.get((ranking[at] as Ranked).id))) continue
    count += 1
    sum += count / (at + 1)
  }
  return relevant === 0 ? 0 : sum / relevant
}

/**
 * Share of the first k, or of what there is, that nobody judged. They count as irrelevant in every other metric, so where
 * this is high those are lower bounds and two systems may differ by what was pooled from them.
 */
export function unjudged(ranking: readonly Ranked[], judgments: Judgments, k: number): number {
  const shown = ranking.slice(0, k)
  if (shown.length === 0) return 0
  return shown.filter(({ id }) => !judgments.has(id)).length / shown.length
}
