import type { Filter } from './filter.ts'
import type { Chunk, ChunkId, LegResult, Scope } from './model.ts'
import type { IndexWriter } from './vector-store.ts'

export interface LexicalQuery {
  readonly text: string
  readonly k: number
  readonly filter?: Filter | undefined
}

/** Counts over one tenant's chunks only: another tenant's documents never show in them. */
export interface LexicalStatistics {
  readonly chunkCount: number
  /** In how many chunks an analysed term occurs. */
  documentFrequency(term: string): number
  /** The index's analysis of a text, so that others count the same terms. */
  analyze(text: string): readonly string[]
}

/** BM25 over one tenant's part of an index. */
export interface LexicalIndex extends IndexWriter {
  searchLexical(scope: Scope, query: LexicalQuery, signal: AbortSignal): Promise<LegResult>
  /**
   * Zero counts for a tenant with no chunks; `not_found` for an index that does not exist. What it gives stays live:
   * later writes show in it, and reading it throws `unavailable` once the tenant's part has left the memory.
   */
  statistics(scope: Scope, signal: AbortSignal): Promise<LexicalStatistics>
}

/** Gives the chunks behind candidates. An id that is not this tenant's is left out of the answer. */
export interface ChunkReader {
  readChunks(
    scope: Scope,
    ids: readonly ChunkId[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<ChunkId, Chunk>>
  /** The chunks of one document with `from <= ordinal <= to`, in order. */
  readNeighbours(
    scope: Scope,
    documentId: Chunk['documentId'],
    from: number,
    to: number,
    signal: AbortSignal,
  ): Promise<readonly Chunk[]>
}
