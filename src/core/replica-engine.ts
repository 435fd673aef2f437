import type { ChunkReader, LexicalIndex } from './lexical-index.ts'
import type { FeedPosition, IndexRef, Scope } from './model.ts'
import type { VectorStore } from './vector-store.ts'

/** What a process' own indexes keep over a restart, and what has to be loaded from the catalog again. */
export interface Durability {
  /** The indexes that are here, those of a former process too. */
  indexes(): readonly IndexRef[]
  /** Every change up to here survives a restart; null where the index has to be loaded whole. */
  covered(ref: IndexRef): FeedPosition | null
  /** To be told after each step: the index holds every change up to here. */
  noteApplied(ref: IndexRef, position: FeedPosition): void
  /** Tenants' parts that were found damaged and answer nothing until they are loaded again. */
  lost(): readonly Scope[]
  /** The part was emptied and every chunk of it written again. */
  noteRestored(scope: Scope): void
}

/** The engine that each query process holds: dense, lexical and the chunks themselves, fed from the change feed. */
export interface ReplicaEngine extends VectorStore, LexicalIndex, ChunkReader, Durability {
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
  /** Shards that are in memory now; the others are read from disk when they are asked for. */
  readonly shardsLoaded: number
  /** Shards of which something is being written to a segment now. */
  readonly shardsBuilding: number
  readonly chunks: number
  readonly segments: number
  /** An estimate of the memory behind it. */
  readonly bytes: number
  readonly bytesOnDisk: number
  /** Chunks by how their vectors are searched, such as `flat` or `ivf_pq`; `delta` for those not yet in a segment. */
  readonly chunksByKind: Readonly<Record<string, number>>
  /** Why the vectors are searched the way they are. */
  readonly explanation: string
}
