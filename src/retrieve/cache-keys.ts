import { createHash } from 'node:crypto'
import type { EmbedderProfile } from '../core/embedder.ts'
import type { RetrievalPlan } from './deps.ts'
import type { RetrieveRequest } from './request.ts'

/** Null where the vector hangs on counts that this process cannot date. */
export function queryVectorKey(
  plan: RetrievalPlan,
  profile: EmbedderProfile,
  query: string,
  position: string | null,
): string | null {
  if (profile.queryUsesStatistics && position === null) return null
  const { tenant, collection, index } = plan.scope
  const counts = profile.queryUsesStatistics ? [collection, index, position] : null
  return digest([tenant, plan.space.id, counts, query])
}

/**
 * All that the hits depend on. Budget, `require` and `on_degraded` are left out: only full answers are kept, and they
 * satisfy any of these. So is the prompt, whose fence is never used twice.
 */
export function resultKey(
  plan: RetrievalPlan,
  request: RetrieveRequest,
  position: string | null,
): string | null {
  if (position === null) return null
  const { tenant, collection, index } = plan.scope
  return digest([
    [tenant, collection, index, plan.space.id, position],
    [plan.dense !== null, plan.lexical !== null, plan.candidates, plan.fusion],
    plan.rerank && [plan.rerank.model, plan.rerank.depth],
    [request.query, request.topK, request.filter, request.mmr, request.groupBy, request.expand],
    [request.dedupe, request.minRelevance, request.explain],
  ])
}

/** JSON keeps the parts apart whatever they contain; the hash keeps keys short. */
function digest(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64')
}
