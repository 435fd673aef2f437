import type { ChunkReader, LexicalIndex } from './lexical-index.ts'
import type { IndexRef, Scope } from './model.ts'
import type { VectorStore } from './vector-store.ts'

/** The engine that each query process holds: dense, lexical and the chunks themselves, fed from the change feed. */
export interface ReplicaEngine extends VectorStore, LexicalIndex, ChunkReader {
  /**
   * Changes with every write to this tenant's part and never comes back, so answers may be cached under it. Null where
   * the dense part lives elsewhere, since what is written there does not show here.
   */
  positionOf(scope: Scope): string | null
  /** What each index holds, every tenant's part together. */
  describe(): readonly IndexDescription[]
}

export interface IndexDescription extends IndexRef {
  readonly shards: number
  readonly chunks: number
  /** An estimate of the memory behind it. */
  readonly bytes: number
}
