import { wholeScore } from '../result/findings.ts'
import type { EvalResult, QueryResult } from '../result/schema.ts'
import type { Stage } from '../target.ts'
import { FATE_TEXTS } from './plots/losses.ts'

/** Queries whose texts a page holds, so that it opens at once whatever was asked. */
const QUERIES_MAX = 400
const TOP_SHOWN = 5

/** What the page's script works on. */
export interface PageData {
  readonly metrics: readonly string[]
  readonly stages: readonly Stage[]
  /** The two stages that are compared at first. */
  readonly from: Stage
  readonly to: Stage
  readonly fates: Readonly<Record<string, string>>
  readonly total: number
  /** Every query's score by metric and stage, in one order; 0 where an answer was not whole. */
  readonly scores: Readonly<Record<string, Readonly<Partial<Record<Stage, readonly number[]>>>>>
  readonly queries: readonly QueryResult[]
  readonly texts: EvalResult['texts']
}

export function pageData(result: EvalResult): PageData {
  const stages = result.stages.map(({ stage }) => stage)
  const { from, to } = pairOf(result)
  const queries = mostTelling(result, from, to)
  return {
    metrics: result.metrics,
    stages,
    from,
    to,
    fates: result.losses === null ? {} : FATE_TEXTS,
    total: result.queries.length,
    scores: Object.fromEntries(
      result.metrics.map((metric) => [metric, scoresBy(metric, stages, result)]),
    ),
    queries,
    texts: textsOf(queries, result.texts),
  }
}

/** The final answer against the better leg: what all the stages together are worth. */
function pairOf({ stages, metrics }: EvalResult): {
  readonly from: Stage
  readonly to: Stage
} {
  const meanOf = ({ metrics: own }: EvalResult['stages'][number]): number =>
    own[metrics[0] ?? '']?.mean ?? -1
  const legs = stages.filter(({ stage }) => stage === 'dense' || stage === 'lexical')
  const better = legs.toSorted((a, b) => meanOf(b) - meanOf(a))[0]
  const last = stages.at(-1)
  return {
    from: better?.stage ?? stages[0]?.stage ?? 'dense',
    to: last?.stage ?? 'dense',
  }
}

function scoresBy(
  metric: string,
  stages: readonly Stage[],
  { queries }: EvalResult,
): Partial<Record<Stage, readonly number[]>> {
  return Object.fromEntries(
    stages.map((stage) => [
      stage,
      queries.map((query) => Number((wholeScore(query, stage, metric) ?? 0).toFixed(4))),
    ]),
  )
}

/** Half of them for what changed most between the two stages, half for what still scores lowest. */
function mostTelling(
  { queries, metrics }: EvalResult,
  from: Stage,
  to: Stage,
): readonly QueryResult[] {
  if (queries.length <= QUERIES_MAX) return queries
  const scoreOf = (query: QueryResult, stage: Stage): number =>
    wholeScore(query, stage, metrics[0] ?? '') ?? 0
  const changeOf = (query: QueryResult): number =>
    Math.abs(scoreOf(query, to) - scoreOf(query, from))
  const changed = queries.toSorted((a, b) => changeOf(b) - changeOf(a)).slice(0, QUERIES_MAX / 2)
  const taken = new Set(changed)
  const lowest = queries
    .filter((query) => !taken.has(query))
    .toSorted((a, b) => scoreOf(a, to) - scoreOf(b, to))
  return [...changed, ...lowest.slice(0, QUERIES_MAX - changed.length)]
}

function textsOf(queries: readonly QueryResult[], texts: EvalResult['texts']): EvalResult['texts'] {
  const ids = new Set<string>()
  for (const { relevant, stages } of queries) {
    for (const { document } of relevant) ids.add(document)
    for (const stage of Object.values(stages))
      for (const id of stage.top.slice(0, TOP_SHOWN)) ids.add(id)
  }
  return Object.fromEntries(Object.entries(texts).filter(([id]) => ids.has(id)))
}
