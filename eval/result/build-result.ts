import { type Answered, type Evaluation, runOf, type StageAnswers } from '../evaluate.ts'
import { latencyOf } from '../latency.ts'
import { attributeLosses, type Fate, type Losses } from '../losses.ts'
import { parseMetric } from '../metrics/parse-metric.ts'
import { scoreRun } from '../metrics/score-run.ts'
import { neighbourRecall } from '../neighbour-recall.ts'
import { bootstrapMean } from '../statistics/bootstrap.ts'
import { STAGES, type Stage } from '../target.ts'
import type { EvalQuery } from '../types.ts'
import { findingsOf } from './findings.ts'
import { judgmentsHash, queriesHash } from './hashes.ts'
import { type EvalResult, type QueryResult, RESULT_FORMAT, type StageResult } from './schema.ts'
import { collectTexts } from './texts.ts'

export interface ResultOptions {
  readonly name: string
  readonly quarryVersion: string
  readonly createdAt: Date
  /** Where relevant documents count as shown. */
  readonly k: number
  readonly metrics: readonly string[]
}

/** Ids of a ranking that the result keeps; run files have all of them. */
const TOP_KEPT = 10

/** Scores an evaluation: by stage with intervals, by query, what was lost where, and what a reader should know. */
export async function buildResult(
  evaluation: Evaluation,
  options: ResultOptions,
): Promise<EvalResult> {
  const { dataset, target, depth, missing } = evaluation
  const metrics = options.metrics.map(parseMetric)
  const scores = new Map<Stage, Scores>()
  for (const [stage, answers] of evaluation.stages) {
    scores.set(stage, (await scoreRun(runOf(answers), dataset.qrels, metrics)).queries)
  }
  const losses = attributeLosses(evaluation, options.k)
  const stages = await Promise.all(
    STAGES.flatMap((stage) => {
      const answers = evaluation.stages.get(stage)
      const own = scores.get(stage)
      return answers === undefined || own === undefined
        ? []
        : [stageResult(stage, answers, own, options.metrics)]
    }),
  )
  const queries = dataset.queries.map((query) => queryResult(query, evaluation, scores, losses))
  const recall = neighbourRecall(evaluation.neighbours.values(), options.k)
  const result = {
    format: RESULT_FORMAT as typeof RESULT_FORMAT,
    name: options.name,
    created_at: options.createdAt.toISOString(),
    quarry_version: options.quarryVersion,
    dataset: {
      name: dataset.name,
      queries: dataset.queries.length,
      judgments: dataset.queries.reduce((n, { id }) => n + (dataset.qrels.get(id)?.size ?? 0), 0),
      queries_hash: queriesHash(dataset.queries),
      judgments_hash: judgmentsHash(dataset),
    },
    target,
    depth,
    metrics: [...options.metrics],
    stages,
    missing: Object.fromEntries(missing),
    losses: losses && {
      k: losses.k,
      counts: losses.counts,
      lifted: losses.lifted,
      candidate_recall: round(losses.candidateRecall),
    },
    neighbour_recall:
      recall === null
        ? null
        : { k: options.k, recall: round(recall), queries: evaluation.neighbours.size },
    queries,
    texts: await collectTexts(evaluation, queries),
  }
  return { ...result, findings: await findingsOf(result) } satisfies EvalResult
}

/** By query id, then by metric. */
type Scores = ReadonlyMap<string, Readonly<Record<string, number>>>

async function stageResult(
  stage: Stage,
  answers: StageAnswers,
  scores: Scores,
  metrics: readonly string[],
): Promise<StageResult> {
  const all = [...answers.values()]
  const whole = [...answers].filter(([, answered]) => stateOf(answered) === 'whole')
  const valuesOf = (metric: string, ids: Iterable<string>): number[] =>
    [...ids].map((id) => scores.get(id)?.[metric] ?? 0)
  const estimates: StageResult['metrics'] = {}
  if (whole.length > 0)
    for (const metric of metrics) {
      const { mean, low, high } = await bootstrapMean(
        valuesOf(
          metric,
          whole.map(([id]) => id),
        ),
      )
      estimates[metric] = { mean: round(mean), low: round(low), high: round(high) }
    }
  const meanOf = (values: readonly number[]): number =>
    round(values.reduce((sum, value) => sum + value, 0) / values.length)
  return {
    stage,
    metrics: estimates,
    as_answered:
      whole.length === answers.size
        ? null
        : Object.fromEntries(
            metrics.map((metric) => [metric, meanOf(valuesOf(metric, answers.keys()))]),
          ),
    answers: {
      asked: all.length,
      whole: whole.length,
      degraded: all.filter((answered) => stateOf(answered) === 'degraded').length,
      failed: all.filter((answered) => stateOf(answered) === 'failed').length,
      cached: all.filter(({ cached }) => cached).length,
      reasons: countReasons(all),
    },
    latency_ms: roundedLatency(latencyOf(all)),
  }
}

function queryResult(
  { id, text }: EvalQuery,
  evaluation: Evaluation,
  scores: ReadonlyMap<Stage, Scores>,
  losses: Losses | null,
): QueryResult {
  const fates = new Map<string, Fate>(
    losses?.lost.get(id)?.map(({ document, fate }) => [document, fate]),
  )
  const stages: QueryResult['stages'] = {}
  for (const [stage, answers] of evaluation.stages) {
    const answered = answers.get(id)
    if (answered === undefined) continue
    const own = Object.entries(scores.get(stage)?.get(id) ?? {})
    stages[stage] = {
      state: stateOf(answered),
      metrics: Object.fromEntries(own.map(([metric, value]) => [metric, round(value)])),
      top: answered.documents.slice(0, TOP_KEPT).map((document) => document.id),
      latency_ms: Math.round(answered.latencyMs * 100) / 100,
    }
  }
  const relevant = [...(evaluation.dataset.qrels.get(id) ?? [])]
    .filter(([, grade]) => grade > 0)
    .map(([document, grade]) => ({
      document,
      grade,
      ranks: ranksOf(document, id, evaluation),
      fate: fates.get(document) ?? (losses?.lost.has(id) === true ? ('kept' as const) : null),
    }))
  return { id, text, relevant, stages }
}

function ranksOf(document: string, query: string, { stages }: Evaluation) {
  const ranks: QueryResult['relevant'][number]['ranks'] = {}
  for (const [stage, answers] of stages) {
    const at = answers.get(query)?.documents.findIndex(({ id }) => id === document) ?? -1
    if (at >= 0) ranks[stage] = at + 1
  }
  return ranks
}

function stateOf({ failure, degraded }: Answered): 'whole' | 'degraded' | 'failed' {
  if (failure !== null) return 'failed'
  return degraded.length > 0 ? 'degraded' : 'whole'
}

function countReasons(answers: readonly Answered[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { failure, degraded } of answers) {
    const reasons = new Set(degraded.map(({ stage, reason }) => `${stage} ${reason}`))
    if (failure !== null) reasons.add(failure.split(':')[0] ?? failure)
    for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1
  }
  return counts
}

function roundedLatency(latency: ReturnType<typeof latencyOf>): StageResult['latency_ms'] {
  if (latency === null) return null
  const ms = (value: number): number => Math.round(value * 1_000) / 1_000
  const parts = Object.entries(latency.parts).map(([part, value]) => [part, ms(value)])
  return {
    answers: latency.answers,
    p50: ms(latency.p50),
    p95: ms(latency.p95),
    p99: ms(latency.p99),
    parts: Object.fromEntries(parts),
  }
}

/** Six digits are below what any set of queries can tell apart. */
function round(value: number): number {
  return Math.round(value * 1e6) / 1e6
}
