import type { Filter } from '../core/filter.ts'
import type { GeneratorTokens } from '../core/generator.ts'
import type {
  Chunk,
  ChunkId,
  CollectionId,
  DocumentId,
  IndexId,
  Metadata,
  Span,
  TenantId,
  UnderFilled,
} from '../core/model.ts'
import type { Prompt, PromptRequest } from '../prompt/prompt.ts'

/** One retrieval as the core takes it: validated, every number within its limit. Absent fields take the collection's policy. */
export interface RetrieveRequest {
  readonly tenant: TenantId
  readonly collection: CollectionId
  readonly query: string
  readonly topK: number
  readonly candidates?: number | undefined
  readonly mode: 'hybrid' | 'dense' | 'lexical'
  readonly filter?: Filter | undefined
  readonly fusion?: Partial<FusionSettings> | undefined
  /** `null`: no reranking, whatever the policy says. */
  readonly rerank?:
    | { readonly model?: string | undefined; readonly depth?: number | undefined }
    | null
    | undefined
  /** `null`: no rewording, whatever the policy says. */
  readonly queryExpansion?: Partial<ExpansionSettings> | null | undefined
  readonly mmr?: { readonly lambda: number } | undefined
  readonly groupBy?: { readonly field: string; readonly size: number } | undefined
  readonly expand?: { readonly before: number; readonly after: number } | undefined
  /** Near-duplicates of a better hit are dropped unless false. */
  readonly dedupe: boolean
  readonly minRelevance?: number | undefined
  /** From a write's `version`: wait for it inside the budget, or answer `degraded: stale`. */
  readonly minVersion?: bigint | undefined
  readonly budgetMs: number
  readonly onDegraded: 'partial' | 'fail'
  readonly require: readonly RequirableStage[]
  readonly explain: boolean
  readonly prompt?: PromptRequest | undefined
  /** Aborts when the caller goes away. */
  readonly signal?: AbortSignal | undefined
}

export interface FusionSettings {
  readonly method: 'rrf' | 'convex'
  readonly k: number
  readonly weights: { readonly dense: number; readonly lexical: number }
}

export interface ExpansionSettings {
  readonly method: 'multi_query' | 'hyde'
  /** Its name in the config. */
  readonly generator: string
  readonly queries: number
  /** What all rewordings together weigh, with the query as it stands as 1. */
  readonly weight: number
}

export type RequirableStage = 'dense' | 'lexical' | 'rerank' | 'fresh'

export type StageName =
  | 'plan'
  | 'fresh'
  | 'rewrite'
  | 'embed'
  | 'dense'
  | 'lexical'
  | 'fuse'
  | 'rerank'
  | 'read'
  | 'expand'
  | 'assemble'

/** A part of the answer that is missing or weaker than asked, why, and what stands in its place. */
export interface Degradation {
  readonly stage: StageName
  readonly reason:
    | 'deadline'
    | 'upstream_failed'
    | 'rate_limited'
    | 'unavailable'
    | 'circuit_open'
    | 'stale'
    | 'partial'
    | 'under_filled'
    | 'space_mismatch'
  readonly fallback:
    | 'lexical_only'
    | 'dense_only'
    | 'plain_query'
    | 'fused_order'
    | 'unexpanded'
    | 'stale_index'
    | 'fewer_hits'
    | 'no_prompt'
  /** For people; no document text in it. */
  readonly detail?: string | undefined
}

export interface Hit {
  readonly id: ChunkId
  readonly documentId: DocumentId
  readonly text: string
  readonly title: string | null
  readonly headings: readonly string[]
  readonly page: number | null
  readonly ordinal: number
  readonly span: Span
  readonly score: number
  /** Calibrated, in [0, 1]; null when no calibrated reranker scored this hit. */
  readonly relevance: number | null
  readonly metadata: Metadata
  readonly before: readonly Chunk[]
  readonly after: readonly Chunk[]
  readonly explain: HitExplanation | null
}

export interface HitExplanation {
  readonly dense: LegExplanation | null
  readonly lexical: LegExplanation | null
  /** What other wordings of the query added to the fused score; null when none of them found the hit. */
  readonly rewrite: { readonly lists: number; readonly contribution: number } | null
  readonly rerank: { readonly score: number; readonly rank: number } | null
}

/** `contribution` is what the leg added to the fused score. */
export interface LegExplanation {
  readonly rank: number
  readonly score: number
  readonly contribution: number
}

export interface RetrieveResponse {
  readonly retrievalId: string
  readonly hits: readonly Hit[]
  readonly degraded: readonly Degradation[]
  readonly underFilled: UnderFilled | null
  readonly index: { readonly id: IndexId; readonly space: string }
  /** By stage, and `total`; a stage that did not run is absent. */
  readonly timingsMs: Readonly<Partial<Record<StageName | 'total', number>>>
  readonly usage: {
    readonly embedTokens: number
    readonly rerankDocuments: number
    /** Of the generator that reworded the query. */
    readonly generated: GeneratorTokens
    readonly cache: 'hit' | 'miss'
    readonly queryVectorCache: 'hit' | 'miss' | 'unused'
  }
  readonly prompt: Prompt | null
}
