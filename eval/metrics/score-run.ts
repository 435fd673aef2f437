import { QuarryError } from '../../src/core/errors.ts'
import { createPace } from '../../src/core/pace.ts'
import type { Qrels, Ranked, Run } from '../types.ts'
import { type Metric, relevantCount } from './metric.ts'

export interface Scores {
  /** By query id in the order of the judgments, then by the metric's name. */
  readonly queries: ReadonlyMap<string, Readonly<Record<string, number>>>
  /** By the metric's name, over those queries. */
  readonly means: Readonly<Record<string, number>>
}

/**
 * Scores a run in the order it has (see `asTrecEval` for trec_eval's). The mean is over every query with something
 * relevant: one that the run lacks counts 0, as with trec_eval's `-c`. What `-c` counts as 0 too, a query with judgments of
 * which none is relevant, is left out here: no ranking could score on it. Queries without judgments are ignored.
 * @throws QuarryError `invalid_request` when no query has anything relevant, or a document stands twice in a ranking
 */
export async function scoreRun(
  run: Run,
  qrels: Qrels,
  metrics: readonly Metric[],
): Promise<Scores> {
  const pace = createPace()
  const queries = new Map<string, Readonly<Record<string, number>>>()
  for (const [query, judgments] of qrels) {
    if (relevantCount(judgments) === 0) continue
    const ranking = run.get(query) ?? []
    refuseRepeated(query, ranking)
    const values = metrics.map(({ name, score }) => [name, score(ranking, judgments)])
    queries.set(query, Object.fromEntries(values))
    await pace()
  }
  if (queries.size === 0)
    throw new QuarryError(
      'invalid_request',
      `none of the ${qrels.size} judged queries has a relevant document, so there is nothing to score`,
    )
  const means = metrics.map(({ name }) => {
    const sum = [...queries.values()].reduce((total, own) => total + (own[name] as number), 0)
    return [name, sum / queries.size]
  })
  return { queries, means: Object.fromEntries(means) }
}

function refuseRepeated(query: string, ranking: readonly Ranked[]): void {
  const seen = new Set<string>()
  for (const { id } of ranking) {
    if (seen.has(id))
      throw new QuarryError('invalid_request', `query ${query}: document ${id} is ranked twice`)
    seen.add(id)
  }
}
