import { evaluate } from '../../eval/evaluate.ts'
import type { EvalResult } from '../../eval/result/schema.ts'
import type { Stage, Target } from '../../eval/target.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { EvalOutcome } from '../catalog/evals.ts'
import { QuarryError } from '../core/errors.ts'
import type { TenantId } from '../core/model.ts'
import { counterFor } from './counter-for.ts'
import type { EvalRequest } from './eval-request.ts'
import { type EvalTargetDeps, evalTarget } from './eval-target.ts'
import { goldenDataset } from './golden-dataset.ts'
import { openScorer, type Scorer } from './open-scorer.ts'

export interface RunEvalDeps extends EvalTargetDeps {
  readonly catalog: Pick<Catalog, 'collections' | 'goldenQueries'>
  readonly queriesMax: number
  readonly version: string
}

export interface WantedEval {
  readonly tenant: TenantId
  readonly id: string
  readonly request: EvalRequest
}

/** Queries read, asked and handed to the scorer together: few enough that no part of it holds the serving thread. */
const BATCH = 10
/** Asked once before any is measured, so that loading a cold shard falls on none of them. */
const WARM_UP = 3

/** Asks the golden queries as they are now, and scores what came back. */
export async function runEval(
  { tenant, id, request }: WantedEval,
  deps: RunEvalDeps,
  signal: AbortSignal,
  onProgress: (done: number) => void,
): Promise<EvalResult> {
  const { catalog, queriesMax, version } = deps
  const collection = await catalog.collections.get(request.collection)
  if (collection === null)
    throw new QuarryError('not_found', `there is no collection "${request.collection}"`)
  const count = Math.min(request.sample ?? queriesMax, queriesMax)
  const ids = (await catalog.goldenQueries.sample(tenant, collection.id, count)).toSorted()
  const target = evalTarget(tenant, collection, request, deps)
  const scorer = openScorer()
  try {
    const missing = await askAll({ tenant, request, ids, target, scorer }, deps, signal, onProgress)
    const options = {
      name: request.name ?? id,
      quarryVersion: version,
      createdAt: new Date(),
      k: request.k,
      metrics: request.metrics,
    }
    const { depth } = request
    const task = { name: collection.id, target: target.about, depth, missing, options }
    return await scorer.score(task, signal)
  } finally {
    await scorer.close()
  }
}

interface Asking {
  readonly tenant: TenantId
  readonly request: EvalRequest
  readonly ids: readonly string[]
  readonly target: Target
  readonly scorer: Scorer
}

/** Gives back the stages that the collection lacks, and why. */
async function askAll(
  { tenant, request, ids, target, scorer }: Asking,
  { catalog }: Pick<RunEvalDeps, 'catalog'>,
  signal: AbortSignal,
  onProgress: (done: number) => void,
): Promise<ReadonlyMap<Stage, string>> {
  const { collection, stages, depth } = request
  const countTokens = await counterFor(request.metrics)
  const missing = new Map<Stage, string>()
  let asked = 0
  for (let from = 0; from < ids.length; from += BATCH) {
    const golden = await catalog.goldenQueries.getMany(
      tenant,
      collection,
      ids.slice(from, from + BATCH),
    )
    const dataset = goldenDataset(collection, golden)
    if (dataset.queries.length === 0) continue
    const evaluation = await evaluate(dataset, target, {
      stages: stages.filter((stage) => !missing.has(stage)),
      depth,
      countTokens,
      warmUp: asked === 0 ? WARM_UP : 0,
      signal,
      onProgress: (done) => onProgress(from + done),
    })
    for (const [stage, reason] of evaluation.missing) missing.set(stage, reason)
    asked += dataset.queries.length
    scorer.add(evaluation)
  }
  if (asked > 0) return missing
  throw new QuarryError(
    'invalid_request',
    `none of the ${ids.length} golden queries of "${collection}" has a document judged relevant`,
  )
}

/** The result as it is kept: its queries each by itself, the rest together. The texts are in the collection. */
export function outcomeOf({ queries, texts: _texts, ...summary }: EvalResult): EvalOutcome {
  return {
    state: 'done',
    summary,
    queries: queries.map(({ id, text, ...result }) => ({ id, query: text, result })),
  }
}
