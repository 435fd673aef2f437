import { evaluate } from '../evaluate.ts'
import { buildResult } from '../result/build-result.ts'
import type { EvalResult } from '../result/schema.ts'
import type { Stage } from '../target.ts'
import type { Dataset, EvalQuery } from '../types.ts'
import type { Setup, SuiteContext, SuiteSources } from './context.ts'

export const NDCG = 'ndcg@10'
export const RECALL = 'recall@100'

/** One set under one setup, as it is printed beside the bounds. */
export interface SetScores {
  readonly name: string
  readonly setup: Setup
  readonly queries: number
  readonly stages: Readonly<Partial<Record<Stage, StageScores>>>
}

export interface StageScores {
  readonly metrics: Readonly<Record<string, number>>
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  /** Medians of the retrieval's parts. */
  readonly partsMs: Readonly<Record<string, number>>
  readonly incomplete: number
}

/** Queries asked of a set at every stage when not all of them are. */
const QUERIES_SAMPLED = 1_000
const DEPTH = 100
const WARM_UP = 20

export function rememberScores(
  sources: SuiteSources,
): Pick<SuiteContext, 'scores'> & { readonly all: () => readonly SetScores[] } {
  const known = new Map<string, Promise<SetScores | null>>()
  const finished: SetScores[] = []
  const measure = async (
    name: string,
    setup: Setup,
    stages: readonly Stage[],
  ): Promise<SetScores | null> => {
    const dataset = await sources.readSet(name)
    if (dataset === null) return null
    const scores = await scoreSet(dataset, setup, stages, sources)
    finished.push(scores)
    return scores
  }
  return {
    all: () => finished,
    scores: (name, setup, stages) => {
      const key = JSON.stringify([name, setup, stages])
      const before = known.get(key)
      if (before !== undefined) return before
      const measuring = measure(name, setup, stages)
      known.set(key, measuring)
      return measuring
    },
  }
}

async function scoreSet(
  dataset: Dataset,
  setup: Setup,
  stages: readonly Stage[],
  sources: SuiteSources,
): Promise<SetScores> {
  const startedMs = performance.now()
  // One leg alone is asked everything: its bounds are within a few queries of what it reaches.
  const queries =
    sources.full || stages.length === 1
      ? dataset.queries
      : evenlySpread(dataset.queries, QUERIES_SAMPLED)
  const { target, close } = await sources.openTarget(dataset, setup)
  try {
    const evaluation = await evaluate({ ...dataset, queries }, target, {
      stages,
      depth: DEPTH,
      warmUp: WARM_UP,
      signal: sources.signal,
    })
    const result = await buildResult(evaluation, {
      name: dataset.name,
      quarryVersion: '',
      createdAt: new Date(),
      k: 10,
      metrics: [NDCG, RECALL],
    })
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0)
    const scores = scoresOf(result, setup)
    const means = stages.map((stage) => `${stage} ${meanOf(scores, stage, NDCG).toFixed(4)}`)
    const asked = `${dataset.name} (${setup.embedder}, ${setup.analyzer})`
    sources.log(`${asked}: ${NDCG} ${means.join(', ')}; ${seconds} s`)
    return scores
  } finally {
    await close()
  }
}

function scoresOf({ dataset, stages }: EvalResult, setup: Setup): SetScores {
  const byStage = stages.map(({ stage, metrics, latency_ms: latency, answers }) => {
    const means = Object.entries(metrics).map(([metric, { mean }]) => [metric, mean])
    const scores: StageScores = {
      metrics: Object.fromEntries(means),
      p50Ms: latency?.p50 ?? null,
      p95Ms: latency?.p95 ?? null,
      partsMs: latency?.parts ?? {},
      incomplete: answers.degraded + answers.failed,
    }
    return [stage, scores] as const
  })
  return {
    name: dataset.name,
    setup,
    queries: dataset.queries,
    stages: Object.fromEntries(byStage),
  }
}

/** Neighbours in a file are often of one document, so a sample takes from all of it. */
function evenlySpread(queries: readonly EvalQuery[], count: number): readonly EvalQuery[] {
  if (queries.length <= count) return queries
  return Array.from(
    { length: count },
    (_, at) => queries[Math.floor((at * queries.length) / count)] as EvalQuery,
  )
}

/** A stage's mean; 0 where it was not answered, which no bound takes for good. */
export function meanOf(scores: SetScores, stage: Stage, metric: string): number {
  return scores.stages[stage]?.metrics[metric] ?? 0
}
