import type { Budget } from '../core/budget.ts'
import type { Embedder } from '../core/embedder.ts'
import { QuarryError } from '../core/errors.ts'
import type { LegResult, UnderFilled } from '../core/model.ts'
import { queryVectorKey } from './cache-keys.ts'
import type { RankedLists } from './fuse.ts'
import { type Run, statisticsOf, whenBuilt } from './run.ts'
import { runStage, type StageResult } from './stage.ts'
import { isTransient } from './trace.ts'

export interface Legs extends RankedLists {
  readonly underFilled: UnderFilled | null
  readonly embedTokens: number
  readonly queryVectorCache: 'hit' | 'miss' | 'unused'
}

/** Searches the legs that the plan asks for, side by side. One may be missing from the answer; not all. */
export async function searchLegs(run: Run): Promise<Legs> {
  const { budget, plan } = run
  const embedding: Embedding = { tokens: 0, cache: 'unused' }
  const [dense, lexical] = await budget
    .child({ reserveMs: plan.reserveMs.afterLegs })
    .together([(shared) => denseLeg(run, shared, embedding), (shared) => lexicalLeg(run, shared)])
  if (!dense?.ok && !lexical?.ok) throw noLegAnswered(run)
  const results = { dense: answerOf(dense), lexical: answerOf(lexical) }
  return {
    dense: results.dense?.candidates ?? null,
    lexical: results.lexical?.candidates ?? null,
    underFilled: results.dense?.underFilled ?? results.lexical?.underFilled ?? null,
    embedTokens: embedding.tokens,
    queryVectorCache: embedding.cache,
  }
}

interface Embedding {
  tokens: number
  cache: Legs['queryVectorCache']
}

type Leg = StageResult<LegResult> | null

/** Embedding and search share the leg's time: a query vector that comes late finds none left to search with. */
async function denseLeg(run: Run, budget: Budget, embedding: Embedding): Promise<Leg> {
  const { request, plan } = run
  if (plan.dense === null) return null
  const { store, embedder } = plan.dense
  const embedded = await runStage('embed', run, budget, (signal) =>
    embedQuery(run, embedder, signal, embedding),
  )
  if (!embedded.ok) return embedded
  const query = { vector: embedded.value, k: plan.candidates, filter: request.filter }
  return runStage('dense', run, budget, (signal) =>
    whenBuilt(() => store.searchDense(plan.scope, query, signal)),
  )
}

async function lexicalLeg(run: Run, budget: Budget): Promise<Leg> {
  const { request, plan } = run
  const { lexical } = plan
  if (lexical === null) return null
  const query = { text: request.query, k: plan.candidates, filter: request.filter }
  return runStage('lexical', run, budget, (signal) =>
    whenBuilt(() => lexical.searchLexical(plan.scope, query, signal)),
  )
}

async function embedQuery(
  run: Run,
  embedder: Embedder,
  signal: AbortSignal,
  embedding: Embedding,
): Promise<Float32Array> {
  const { plan, request, deps } = run
  const load = async (shared: AbortSignal): Promise<Float32Array> => {
    embedding.cache = 'miss'
    const call = {
      tenant: plan.scope.tenant,
      signal: shared,
      statistics: await statisticsOf(plan, shared),
    }
    const { vectors, tokens } = await embedder.embedQuery(request.query, call)
    embedding.tokens = tokens
    const [vector] = vectors
    if (vector !== undefined) return vector
    throw new QuarryError('upstream_failed', 'the embedder returned no vector for the query')
  }
  const key = queryVectorKey(plan, embedder.profile, request.query, run.position)
  const vector = await (key === null
    ? load(signal)
    : deps.caches.queryVectors.get(key, signal, load))
  if (embedding.cache === 'unused') embedding.cache = 'hit'
  return vector
}

function answerOf(leg: Leg | undefined): LegResult | null {
  return leg?.ok ? leg.value : null
}

function noLegAnswered({ trace }: Run): QuarryError {
  const { degraded } = trace
  const failed = degraded.filter(({ stage }) => LEG_STAGES.has(stage))
  const late = failed.length > 0 && failed.every(({ reason }) => reason === 'deadline')
  return new QuarryError(
    late ? 'deadline_exceeded' : 'unavailable',
    `no search leg answered: ${failed.map(({ stage, reason }) => `${stage} ${reason}`).join(', ')}`,
    { retryable: failed.some(({ reason }) => isTransient(reason)), details: { degraded } },
  )
}

const LEG_STAGES: ReadonlySet<string> = new Set(['embed', 'dense', 'lexical'])
