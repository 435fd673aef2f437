import { atLeast, atMost, type Bound, notRun } from './bound.ts'
import type { SuiteContext } from './context.ts'
import { defaultScores, rounded } from './hybrid.ts'
import { meanOf, NDCG } from './score-set.ts'

const GAIN_LEAST = 0.01
const WORST_LEAST = -0.002
const MS_MOST = 10

const NAMES = {
  mean: 'reranking: mean gain over fusion',
  worst: 'reranking: worst gain over fusion',
  time: 'reranking: slowest set’s median, ms for 50 candidates',
} as const

/** What the whole default request adds to fusion alone, over all sets, and what the reranker takes for it. */
export async function measureReranking(context: SuiteContext): Promise<readonly Bound[]> {
  const sets = await defaultScores(context)
  if (sets.length === 0)
    return [
      notRun(NAMES.mean, '>=', GAIN_LEAST, 'there are no sets'),
      notRun(NAMES.worst, '>=', WORST_LEAST, 'there are no sets'),
      notRun(NAMES.time, '<=', MS_MOST, 'there are no sets'),
    ]
  const gains = sets.map(
    (scores) =>
      [scores.name, meanOf(scores, 'reranked', NDCG) - meanOf(scores, 'fused', NDCG)] as const,
  )
  const times = sets.map(
    (scores) => [scores.name, scores.stages.reranked?.partsMs['rerank'] ?? 0] as const,
  )
  const mean = gains.reduce((sum, [, gain]) => sum + gain, 0) / gains.length
  const worst = Math.min(...gains.map(([, gain]) => gain))
  const slowest = Math.max(...times.map(([, ms]) => ms))
  return [
    atLeast(NAMES.mean, mean, GAIN_LEAST, { gains: rounded(gains) }),
    atLeast(NAMES.worst, worst, WORST_LEAST),
    atMost(NAMES.time, slowest, MS_MOST, { median_ms: rounded(times) }),
  ]
}
