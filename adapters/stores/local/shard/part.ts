import type { Filter } from '../../../../src/core/filter.ts'
import type { Chunk, ChunkId, DocumentId } from '../../../../src/core/model.ts'
import type { Bitmap } from '../bitmap.ts'
import type { WeightedTerm } from '../bm25/segment-postings.ts'
import type { Found, RowSearch } from '../found.ts'

/** What a shard is made of, segments and deltas alike: numbered rows, some of them dead. */
export interface Part {
  /** Rows, dead ones too; a delta's grow. */
  readonly end: number
  readonly liveCount: number
  /** Total length of the live rows, in terms. */
  readonly lengthTotal: number
  /** -1 where no live row has the id. */
  rowOf(id: ChunkId): number
  isDead(row: number): boolean
  idAt(row: number): ChunkId
  isBefore(row: number, other: number): boolean
  revisionAt(row: number): number
  chunkAt(row: number): Chunk
  /** Live rows of one document, in no stated order. */
  rowsOfDocument(documentId: DocumentId): readonly number[]
  /** In how many live rows the term is. */
  documentFrequency(term: string): number
  /** The row must be live. */
  kill(row: number): void
  /** The live rows below `end` that pass; null stands for all of them. */
  select(filter: Filter | undefined, end: number, signal: AbortSignal): Promise<Bitmap | null>
  searchDense(query: Float32Array, search: RowSearch, signal: AbortSignal): Promise<Found>
  searchLexical(
    terms: readonly WeightedTerm[],
    averageLength: number,
    search: RowSearch,
    signal: AbortSignal,
  ): Promise<Found>
  /** Keeps its memory from being freed while it is searched or read by a builder. */
  pin(): void
  unpin(): void
  /** To be called once when the shard lets go of it; the memory goes with the last pin. */
  retire(): void
}
