/** Where one retrieval can be looked into, in the order in which it passes through them. */
export const STAGES = ['dense', 'lexical', 'fused', 'reranked'] as const
/** `dense` and `lexical` are the legs alone, `fused` both without reranking, `reranked` the whole default request. */
export type Stage = (typeof STAGES)[number]

export interface Question {
  readonly query: string
  readonly stage: Stage
  /** Chunks to answer with. */
  readonly depth: number
}

/** A chunk as the stage ranked it. */
export interface TargetHit {
  readonly chunk: string
  readonly document: string
  /** Of this stage; where it gave the hit none, of the one before. The order of the hits is what counts. */
  readonly score: number
  readonly title: string | null
  readonly text: string
}

export interface TargetDegradation {
  readonly stage: string
  readonly reason: string
  readonly detail?: string | undefined
}

export interface TargetAnswer {
  readonly hits: readonly TargetHit[]
  /** What is missing from the answer; empty when it is whole. */
  readonly degraded: readonly TargetDegradation[]
  /** As the caller saw it. */
  readonly latencyMs: number
  /** By stage of the retrieval, as the service measured it. */
  readonly timingsMs: Readonly<Record<string, number | undefined>>
  /** Answered from a cache: right, and no measure of how long an answer takes. */
  readonly cached: boolean
}

/** Chunks nearest to a query by the index, and the truly nearest by comparing with every vector. */
export interface Neighbours {
  readonly found: readonly Neighbour[]
  readonly exact: readonly Neighbour[]
}

export interface Neighbour {
  readonly id: string
  readonly score: number
}

/** What is asked the queries of a dataset. */
export interface Target {
  readonly about: TargetAbout
  /**
   * @throws QuarryError `unsupported` when the target has no such stage; a retryable code when it could not answer now
   */
  ask(question: Question, signal: AbortSignal): Promise<TargetAnswer>
  /** Absent where nobody can compare with every vector. */
  neighbours?(query: string, k: number, signal: AbortSignal): Promise<Neighbours>
}

export interface TargetAbout {
  /** `passages`: each document one chunk; `ingested`: parsed and cut; `collection`: one that was there before. */
  readonly kind: 'passages' | 'ingested' | 'collection'
  readonly name: string
  /** The policy and what else decides the answers, for people and for comparing two results. */
  readonly settings: Readonly<Record<string, unknown>>
}
