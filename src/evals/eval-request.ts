import type { Stage } from '../../eval/target.ts'
import type { CollectionId } from '../core/model.ts'
import type { RetrieveRequest } from '../retrieve/request.ts'

/** What to measure a collection by: its golden queries, or a sample of them, through the retrieval that users get. */
export interface EvalRequest {
  /** For people. */
  readonly name: string | null
  readonly collection: CollectionId
  readonly stages: readonly Stage[]
  /** The first is the one that findings are about. */
  readonly metrics: readonly string[]
  /** A relevant document counts as shown among so many. */
  readonly k: number
  /** Chunks asked of each stage. */
  readonly depth: number
  /** Null: every golden query. */
  readonly sample: number | null
  /** Of each single retrieval. */
  readonly budgetMs: number
  /** Laid over what the collection's policy says, to try something without changing it. */
  readonly overrides: EvalOverrides
}

export type EvalOverrides = Pick<
  RetrieveRequest,
  'candidates' | 'filter' | 'fusion' | 'rerank' | 'queryExpansion'
>
