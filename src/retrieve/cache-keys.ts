import { hash } from 'node:crypto'
import type { EmbedderProfile } from '../core/embedder.ts'
import type { ExpansionPlan, RetrievalPlan } from './deps.ts'
import type { RetrieveRequest } from './request.ts'

/** Rises whenever the instructions to generators change: what the old ones gave is not used any more. */
const REWRITE_VERSION = 1

export interface QueryText {
  readonly text: string
  /** `passage`: a text written to look like the passages that are sought, embedded as they are. */
  readonly as: 'query' | 'passage'
}

/** Null where the vector hangs on counts that this process cannot date. */
export function queryVectorKey(
  plan: RetrievalPlan,
  profile: EmbedderProfile,
  { text, as }: QueryText,
  position: string | null,
): string | null {
  const counted = profile.queryUsesStatistics && as === 'query'
  if (counted && position === null) return null
  const { tenant, collection, index } = plan.scope
  const counts = counted ? [collection, index, position] : null
  return digest([tenant, plan.space.id, counts, as, text])
}

/** The rewordings of one query are the tenant's own, whatever another one has asked. */
export function rewriteKey(plan: RetrievalPlan, expansion: ExpansionPlan, query: string): string {
  return digest([plan.scope.tenant, plan.space.id, ...writerOf(expansion), query])
}

function writerOf({ generator, method, queries }: ExpansionPlan): readonly unknown[] {
  const { provider, model, revision } = generator.profile
  return [REWRITE_VERSION, provider, model, revision, method, queries]
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
    plan.expansion && [...writerOf(plan.expansion), plan.expansion.weight],
    [request.query, request.topK, request.filter, request.mmr, request.groupBy, request.expand],
    [request.dedupe, request.minRelevance, request.explain],
  ])
}

/** JSON keeps the parts apart whatever they contain; the hash keeps keys short. */
function digest(parts: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64')
}
