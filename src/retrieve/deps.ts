import type { CollectionPolicy } from '../catalog/policy.ts'
import type { Clock } from '../core/budget.ts'
import type { DenseWeight } from '../core/dense-weight.ts'
import type { Embedder } from '../core/embedder.ts'
import type { Generator } from '../core/generator.ts'
import type { ChunkReader, LexicalIndex } from '../core/lexical-index.ts'
import type { CollectionId, Scope, SpaceId, TenantId } from '../core/model.ts'
import type { Reranker } from '../core/reranker.ts'
import type { VectorStore } from '../core/vector-store.ts'
import type { Prompt, PromptRequest } from '../prompt/prompt.ts'
import type { RetrieveCaches } from './cache.ts'
import type {
  Degradation,
  ExpansionSettings,
  FusionSettings,
  Hit,
  RetrieveRequest,
} from './request.ts'

/** What one retrieval will do: the alias followed, the policy and the request's own wishes made one. */
export interface RetrievalPlan {
  readonly scope: Scope
  readonly space: { readonly id: SpaceId; readonly name: string }
  /** Null when it is not asked, the index has none, or it is in `refused`. */
  readonly dense: { readonly store: VectorStore; readonly embedder: Embedder } | null
  readonly lexical: LexicalIndex | null
  /** Term counts for embedders and rerankers that use them, also when no lexical leg is asked. */
  readonly statistics: Pick<LexicalIndex, 'statistics'> | null
  readonly chunks: ChunkReader
  /** `model` is the reranker's name in the config. */
  readonly rerank: {
    readonly model: string
    readonly reranker: Reranker
    readonly depth: number
  } | null
  /** How the query is reworded beside being searched as it stands; null where it is not. */
  readonly expansion: ExpansionPlan | null
  readonly candidates: number
  readonly fusion: PlannedFusion
  readonly prompt: CollectionPolicy['prompt']
  readonly reserveMs: Reserves
  /** What was asked and cannot be done, known before anything ran. */
  readonly refused: readonly Degradation[]
}

/** What the dense leg weighs may hang on what it finds. */
export interface PlannedFusion extends Pick<FusionSettings, 'method' | 'k'> {
  readonly weights: { readonly dense: DenseWeight; readonly lexical: number }
}

export interface ExpansionPlan extends Omit<ExpansionSettings, 'generator'> {
  /** The generator's name in the config. */
  readonly name: string
  readonly generator: Generator
}

/** Milliseconds that each point must leave for what follows it. */
export interface Reserves {
  readonly afterFresh: number
  /** For searching with what a generator made of the query, and all that follows. */
  readonly afterRewrite: number
  readonly afterLegs: number
  readonly afterRerank: number
  readonly afterRead: number
  readonly afterExpand: number
  /** So that the answer is on its way when the budget ends. */
  readonly afterAssemble: number
}

/** How far this process' indexes have come. */
export interface Freshness {
  /** True once the write is searchable here; false when the signal aborts first. */
  waitApplied(
    tenant: TenantId,
    collection: CollectionId,
    version: bigint,
    signal: AbortSignal,
  ): Promise<boolean>
  /** Changes whenever an answer from this scope might; null while unknown, and then nothing is cached. */
  position(scope: Scope): string | null
}

export interface AssembleInput {
  readonly scope: Scope
  readonly query: string
  readonly hits: readonly Hit[]
  readonly request: PromptRequest
  readonly policy: CollectionPolicy['prompt']
}

export interface RetrieveDeps {
  planFor(
    tenant: TenantId,
    collection: CollectionId,
    request: RetrieveRequest,
  ): Promise<RetrievalPlan>
  readonly freshness: Freshness
  assemble(input: AssembleInput, signal: AbortSignal): Promise<Prompt>
  readonly caches: RetrieveCaches
  readonly clock?: Clock | undefined
  /**
   * Counts candidates that an index proposed and the tenant's own chunks do not have: deleted between search and
   * read, or, when it keeps happening, an index that answers with what is not this tenant's.
   */
  readonly onUnreadable?: ((scope: Scope, count: number) => void) | undefined
}
