import type { Collection, Index } from '../catalog/catalog.ts'
import { spaceMismatch } from '../catalog/space-id.ts'
import { isWeighed, scaledDenseWeight } from '../core/dense-weight.ts'
import type { Embedder } from '../core/embedder.ts'
import { QuarryError } from '../core/errors.ts'
import type { Generator } from '../core/generator.ts'
import type { ChunkReader, LexicalIndex } from '../core/lexical-index.ts'
import type { SpaceId, TenantId } from '../core/model.ts'
import type { Reranker } from '../core/reranker.ts'
import type { VectorStore } from '../core/vector-store.ts'
import type { PlannedFusion, Reserves, RetrievalPlan } from './deps.ts'
import { planExpansion } from './plan-expansion.ts'
import type { Degradation, RetrieveRequest } from './request.ts'

/** What the config has opened, by its names. */
export interface PlanSources {
  readonly embedders: ReadonlyMap<string, Embedder>
  readonly stores: ReadonlyMap<string, VectorStore>
  readonly rerankers: ReadonlyMap<string, Reranker>
  readonly generators: ReadonlyMap<string, Generator>
  /** The replica in this process: the lexical side of every index, and its chunks. */
  readonly lexical: LexicalIndex
  readonly chunks: ChunkReader
  /** The space that this embedder's vectors of chunks so cut belong to. */
  spaceOf(embedder: Embedder, chunking: string): SpaceId
  readonly limits: PlanLimits
}

export type PlanLimits = Readonly<Record<'rerankReserveMs' | 'finishReserveMs', number>>

/** Makes the policy, the serving index and the request's own wishes one plan; refuses wishes that can't go together. */
export function planRetrieval(
  { id, policy, serving }: Collection,
  tenant: TenantId,
  request: RetrieveRequest,
  sources: PlanSources,
): RetrievalPlan {
  const refused: Degradation[] = []
  const noteRefused = (degradation: Degradation): null => {
    refused.push(degradation)
    return null
  }
  const fusion = fusionOf(policy, serving, request, sources)
  const asks = askedLegs(serving, request, fusion)
  const rerank = rerankOf(policy, request, sources, noteRefused)
  checkRequirements(request, asks, rerank !== null || refused.length > 0)
  return {
    scope: { tenant, collection: id, index: serving.index },
    space: { id: serving.space.id, name: serving.space.name },
    dense: asks.dense ? denseOf(serving, sources, noteRefused) : null,
    lexical: asks.lexical ? sources.lexical : null,
    statistics: serving.spec.lexical === null ? null : sources.lexical,
    chunks: sources.chunks,
    rerank,
    expansion: planExpansion(policy, request, asks.dense, sources.generators, noteRefused),
    candidates: Math.max(request.candidates ?? policy.candidates, request.topK),
    fusion,
    prompt: policy.prompt,
    reserveMs: reservesFor(request.budgetMs, rerank !== null, sources.limits),
    refused,
  }
}

/** A dense leg with a remote model and store is mostly done within this. */
const SEARCH_RESERVE_MS = 500

/** Fixed shares of small budgets, fixed times of large ones. */
export function reservesFor(budgetMs: number, reranks: boolean, limits: PlanLimits): Reserves {
  const finishMs = Math.min(0.15 * budgetMs, limits.finishReserveMs)
  const rerankMs = reranks ? Math.min(0.3 * budgetMs, limits.rerankReserveMs) : 0
  const beforeSearchMs = Math.min(0.5 * budgetMs, SEARCH_RESERVE_MS + rerankMs + finishMs)
  return {
    afterFresh: beforeSearchMs,
    afterRewrite: beforeSearchMs,
    afterLegs: finishMs + rerankMs,
    afterRerank: finishMs,
    afterRead: 0.6 * finishMs,
    afterExpand: 0.4 * finishMs,
    afterAssemble: 0.2 * finishMs,
  }
}

type NoteRefused = (degradation: Degradation) => null

function fusionOf(
  policy: Collection['policy'],
  serving: Index,
  request: RetrieveRequest,
  sources: PlanSources,
): PlannedFusion {
  const weights =
    request.fusion?.weights ?? policy.fusion.weights ?? suggestedWeights(serving, request, sources)
  const method = request.fusion?.method ?? policy.fusion.method
  const k = request.fusion?.k ?? policy.fusion.k
  // A lone leg has nothing to be weighed against.
  return { method, k, weights: request.mode === 'hybrid' ? weights : { dense: 1, lexical: 1 } }
}

/** A dense leg that is lost in the query's language would only push aside what the lexical one finds. */
function suggestedWeights(
  { space, spec }: Index,
  { query, require }: RetrieveRequest,
  { embedders }: PlanSources,
): PlannedFusion['weights'] {
  const embedder = embedders.get(space.embedder)
  if (embedder === undefined || spec.lexical === null) return { dense: 1, lexical: 1 }
  const coverage = require.includes('dense') ? 1 : (embedder.coverage?.(query) ?? 1)
  return { dense: scaledDenseWeight(embedder.profile.suggestedDenseWeight, coverage), lexical: 1 }
}

/** In hybrid, a leg that the index lacks or that weighs nothing is not asked. */
function askedLegs(
  { spec, index }: Index,
  { mode }: RetrieveRequest,
  { weights }: PlannedFusion,
): { readonly dense: boolean; readonly lexical: boolean } {
  const has = { dense: spec.dense !== null, lexical: spec.lexical !== null }
  if (mode !== 'hybrid') {
    if (!has[mode])
      throw new QuarryError('unsupported', `index ${index} has no ${mode} part to search`)
    return { dense: mode === 'dense', lexical: mode === 'lexical' }
  }
  const asks = {
    dense: has.dense && isWeighed(weights.dense),
    lexical: has.lexical && weights.lexical > 0,
  }
  if (!asks.dense && !asks.lexical)
    throw new QuarryError('invalid_request', 'fusion.weights leave no leg of the index to search')
  return asks
}

function denseOf(
  { space, store: storeName }: Index,
  sources: PlanSources,
  noteRefused: NoteRefused,
): RetrievalPlan['dense'] {
  const refuse = (reason: Degradation['reason'], detail: string) =>
    noteRefused({ stage: 'dense', reason, fallback: 'lexical_only', detail })
  const embedder = sources.embedders.get(space.embedder)
  const store = sources.stores.get(storeName)
  if (embedder === undefined)
    return refuse('unavailable', `embedder "${space.embedder}" is not in the config`)
  if (store === undefined) return refuse('unavailable', `store "${storeName}" is not in the config`)
  const offered = sources.spaceOf(embedder, space.chunking)
  if (offered !== space.id)
    return refuse('space_mismatch', spaceMismatch(space, embedder.profile, offered))
  return { store, embedder }
}

function rerankOf(
  policy: Collection['policy'],
  request: RetrieveRequest,
  { rerankers }: PlanSources,
  noteRefused: NoteRefused,
): RetrievalPlan['rerank'] {
  const name = request.rerank === null ? null : (request.rerank?.model ?? policy.rerank.model)
  if (name === null) {
    if (request.rerank?.depth !== undefined)
      throw new QuarryError(
        'invalid_request',
        'rerank.depth is given, but the collection has no reranker: name one in rerank.model',
      )
    requireCalibrated(request, null)
    return null
  }
  const reranker = rerankers.get(name)
  if (reranker !== undefined) {
    requireCalibrated(request, reranker)
    return { model: name, reranker, depth: request.rerank?.depth ?? policy.rerank.depth }
  }
  const known = [...rerankers.keys()].map((key) => `"${key}"`).join(', ') || 'none'
  if (request.rerank?.model !== undefined)
    throw new QuarryError('invalid_request', `unknown reranker "${name}"; configured: ${known}`)
  return noteRefused({
    stage: 'rerank',
    reason: 'unavailable',
    fallback: 'fused_order',
    detail: `reranker "${name}" is not in the config`,
  })
}

function requireCalibrated({ minRelevance }: RetrieveRequest, reranker: Reranker | null): void {
  if (minRelevance === undefined || reranker?.calibrated) return
  const has = reranker === null ? 'nothing is reranked' : `reranker "${reranker.name}" is not`
  throw new QuarryError(
    'unsupported',
    `min_relevance applies to calibrated scores only, and ${has}: name a calibrated reranker in rerank.model, or leave min_relevance out`,
  )
}

/** A stage that the request forbids or the collection lacks can't be required of it. */
function checkRequirements(
  { require, minVersion }: RetrieveRequest,
  asks: { readonly dense: boolean; readonly lexical: boolean },
  reranks: boolean,
): void {
  const runs = { rerank: reranks, fresh: minVersion !== undefined, ...asks }
  const never = require.find((stage) => !runs[stage])
  if (never === undefined) return
  throw new QuarryError(
    'invalid_request',
    never === 'fresh'
      ? 'require names "fresh", but the request has no min_version to be fresh for'
      : `require names "${never}", but this request and its collection do not use it`,
  )
}
