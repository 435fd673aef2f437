import type { Judgments, Ranked } from '../types.ts'

export type Gain = (grade: number) => number

/** The grade itself: Järvelin and Kekäläinen 2002, and trec_eval's `ndcg_cut`. */
export const linearGain: Gain = (grade) => grade

/** 2^grade − 1: Burges et al. 2005, and what most web search and learning to rank report. */
export const exponentialGain: Gain = (grade) => 2 ** grade - 1

/** Discounted by log2(rank + 1), over the best that any ranking of the judged documents could reach in k. */
export function ndcg(
  ranking: readonly Ranked[],
  judgments: Judgments,
  k: number,
  gain: Gain,
): number {
  const grades = [...judgments.values()].toSorted((a, b) => b - a)
  const ideal = discountedGain(grades, k, gain)
  if (ideal === 0) return 0
  const found = ranking.slice(0, k).map(({ id }) => judgments.get(id) ?? 0)
  return discountedGain(found, k, gain) / ideal
}

/** Grades below 0 gain nothing and cost nothing, as in trec_eval. */
function discountedGain(grades: readonly number[], k: number, gain: Gain): number {
  let sum = 0
  for (let at = 0; at < grades.length && at < k; at += 1) {
    const grade = grades[at] as number
    if (grade > 0) sum += gain(grade) / Math.log2(at + 2)
  }
  return sum
}
