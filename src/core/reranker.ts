import type { LexicalStatistics } from './lexical-index.ts'
import type { ChunkId, TenantId } from './model.ts'

export interface RerankCandidate {
  readonly id: ChunkId
  readonly text: string
  readonly context: string
  /** The fused score, for rerankers that blend with it. */
  readonly fusedScore: number
  /** The dense leg's own score; null when that leg did not return the chunk. */
  readonly denseScore: number | null
}

export interface RerankCall {
  readonly tenant: TenantId
  readonly signal: AbortSignal
  readonly statistics: LexicalStatistics | null
  /** The dense leg's part of the weights in fusion, in [0, 1]: how far that leg is trusted here. */
  readonly denseShare: number
}

export interface RerankScore {
  readonly id: ChunkId
  readonly score: number
  /** In [0, 1] and comparable between queries; null where the reranker is not calibrated. */
  readonly relevance: number | null
}

export interface Reranked {
  /** May cover only some of the candidates: those scored before the deadline. The rest keep the fused order. */
  readonly scores: readonly RerankScore[]
  /** Candidates billed or computed, for the usage ledger. */
  readonly documents: number
}

export interface Reranker {
  readonly name: string
  /** Whether `relevance` is filled, so that `min_relevance` can apply. */
  readonly calibrated: boolean
  rerank(query: string, candidates: readonly RerankCandidate[], call: RerankCall): Promise<Reranked>
  checkHealth(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}
