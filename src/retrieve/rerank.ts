import { QuarryError } from '../core/errors.ts'
import type { Chunk, ChunkId } from '../core/model.ts'
import type { Reranked, RerankScore } from '../core/reranker.ts'
import type { RetrievalPlan } from './deps.ts'
import type { FusedCandidate } from './fuse.ts'
import type { FusionSettings } from './request.ts'
import { type Run, statisticsOf } from './run.ts'
import { runStage } from './stage.ts'

export interface Reordered {
  readonly ranked: readonly FusedCandidate[]
  /** Whether the reranker spoke, be it only on some. */
  readonly scored: boolean
  readonly documents: number
}

/** How long before its deadline a reranker is told to hand over what it has scored. */
const NOTICE_SHARE = 0.1
const NOTICE_MS_MAX = 10

/**
 * Lets the reranker order the head of the fused list within the time that is left. Scored candidates share out the
 * places that they held among themselves; whoever was not scored (below the depth, or not reached in time) keeps its
 * fused place, so that half a reranking never buries what it did not look at.
 */
export async function rerankHead(
  run: Run,
  fused: readonly FusedCandidate[],
  weights: FusionSettings['weights'],
  chunks: ReadonlyMap<ChunkId, Chunk>,
): Promise<Reordered> {
  const { plan, request, trace, budget } = run
  const { rerank } = plan
  const head =
    rerank === null ? [] : fused.slice(0, rerank.depth).filter(({ id }) => chunks.has(id))
  if (rerank === null || head.length === 0) return { ranked: fused, scored: false, documents: 0 }
  const left = budget.child({ reserveMs: plan.reserveMs.afterRerank })
  const noticeMs = Math.min(NOTICE_MS_MAX, NOTICE_SHARE * left.remainingMs())
  const work = async (signal: AbortSignal): Promise<Reranked> => {
    const { tenant } = plan.scope
    const statistics = await statisticsOf(plan, signal)
    const call = { tenant, signal, statistics, denseShare: denseShareOf(plan, weights) }
    const reranked = await rerank.reranker.rerank(request.query, withText(head, chunks), call)
    checkScores(rerank.reranker.name, head, reranked)
    return reranked
  }
  const result = await runStage('rerank', run, left, work, noticeMs)
  if (!result.ok) return { ranked: fused, scored: false, documents: 0 }
  const { scores, documents } = result.value
  if (scores.length < head.length)
    trace.degrade({
      stage: 'rerank',
      reason: 'partial',
      fallback: 'fused_order',
      detail: `${scores.length} of ${head.length} candidates were scored in time`,
    })
  return { ranked: reorder(fused, scores), scored: scores.length > 0, documents }
}

/** Candidates with a score swap places by it, ties in fused order; the others stay where they are. */
export function reorder(
  fused: readonly FusedCandidate[],
  scores: readonly RerankScore[],
): FusedCandidate[] {
  const byId = new Map(scores.map((score) => [score.id, score]))
  const scored = fused.flatMap((candidate) => {
    const score = byId.get(candidate.id)
    return score === undefined ? [] : [{ candidate, score }]
  })
  scored.sort((a, b) => b.score.score - a.score.score)
  let next = 0
  return fused.map((candidate) => {
    const best = byId.has(candidate.id) ? scored[next] : undefined
    if (best === undefined) return candidate
    next += 1
    const { score, relevance } = best.score
    return { ...best.candidate, rerank: { score, rank: next, relevance } }
  })
}

function withText(head: readonly FusedCandidate[], chunks: ReadonlyMap<ChunkId, Chunk>) {
  return head.flatMap(({ id, score, dense }) => {
    const chunk = chunks.get(id)
    if (chunk === undefined) return []
    const { text, context } = chunk
    return [{ id, text, context, fusedScore: score, denseScore: dense?.score ?? null }]
  })
}

/** A leg that is not asked has no part; what a lone leg weighs says nothing. */
function denseShareOf(
  { dense, lexical }: RetrievalPlan,
  weights: FusionSettings['weights'],
): number {
  if (dense === null) return 0
  if (lexical === null) return 1
  return weights.dense / (weights.dense + weights.lexical)
}

function checkScores(name: string, head: readonly FusedCandidate[], { scores }: Reranked): void {
  const expected = new Set(head.map(({ id }) => id))
  for (const { id, score } of scores) {
    if (expected.delete(id) && Number.isFinite(score)) continue
    throw new QuarryError(
      'upstream_failed',
      `reranker ${name} answered with a score that is not finite, or for a candidate twice or not given`,
    )
  }
}
