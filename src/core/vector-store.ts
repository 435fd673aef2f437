import type { Filter } from './filter.ts'
import type { Chunk, ChunkId, IndexRef, LegResult, Scope } from './model.ts'

export type Metric = 'cosine' | 'dot' | 'l2'

export type IndexAlgorithm =
  | { readonly kind: 'auto' }
  | { readonly kind: 'flat' }
  | {
      readonly kind: 'hnsw'
      readonly m: number
      readonly efConstruction: number
      readonly efSearch: number
      readonly quantization?: 'none' | 'int8' | undefined
    }
  | { readonly kind: 'ivf_flat'; readonly lists: number; readonly probes: number }
  | {
      readonly kind: 'ivf_pq'
      /** What is not said is chosen by the number of rows and dimensions. */
      readonly lists?: number | undefined
      readonly subvectors?: number | undefined
      readonly bits: 4 | 8
      /** Lists to look into at least; a store may find that the vectors need more. */
      readonly probes?: number | undefined
    }

/** What an index holds. A local replica beside a remote vector store has the lexical part only. */
export interface IndexSpec {
  readonly dense: DenseSpec | null
  readonly lexical: LexicalSpec | null
}

export interface DenseSpec {
  readonly dimensions: number
  readonly metric: Metric
  readonly algorithm: IndexAlgorithm
}

/** BM25 as Lucene has it, with the lengths of chunks rounded as Lucene stores them: to four significant bits. */
export interface LexicalSpec {
  readonly analyzer: AnalyzerName
  readonly k1: number
  readonly b: number
  /**
   * Absent: a chunk's terms are those of its context, then those of its text, each counted once. Present: those of
   * title, headings and text instead, where a term's frequency is the sum over the fields of boost times occurrences,
   * and a chunk's length the sum of boost times terms (BM25F with one normalisation of length).
   */
  readonly boosts?: FieldBoosts | undefined
}

/** Multiples of 1/16 from 0 to 64, not all 0; a field of boost 0 is not searched. */
export interface FieldBoosts {
  readonly title: number
  readonly headings: number
  readonly body: number
}

export type AnalyzerName = 'english' | 'unicode' | 'code'

/** A chunk with its vector in the index's space; null only where the index has no dense part. */
export interface IndexedChunk extends Chunk {
  readonly vector: Float32Array | null
}

export interface DenseQuery {
  readonly vector: Float32Array
  readonly k: number
  readonly filter?: Filter | undefined
}

/** What a store can do by itself. The service asks this, never the store's name. */
export interface StoreCapabilities {
  readonly algorithms: readonly IndexAlgorithm['kind'][]
  readonly metrics: readonly Metric[]
  readonly dimensionsMax: number
  /** Rows of one upsert call that the store takes; the adapter splits larger calls itself. */
  readonly batchMax: number
  /** True where search is exact for this algorithm on any data. */
  readonly exactAlgorithms: readonly IndexAlgorithm['kind'][]
  /** In this process and rebuilt from the catalog, or one shared service that outlives it. */
  readonly residence: 'process' | 'shared'
}

/** The writing side that vector stores and lexical indexes have in common. Every call is idempotent. */
export interface IndexWriter {
  readonly name: string
  readonly capabilities: StoreCapabilities
  /** Makes the index, or does nothing if it exists with the same spec; another spec is a `conflict`. */
  createIndex(ref: IndexRef, spec: IndexSpec, signal: AbortSignal): Promise<void>
  /** Drops every tenant's part. Dropping what is not there succeeds. */
  dropIndex(ref: IndexRef, signal: AbortSignal): Promise<void>
  /**
   * Adds or replaces, all or nothing: a wrong dimension, a non-finite or a zero vector anywhere refuses the call
   * with `invalid_request` and writes none of it. A row of a lower revision than the stored one is left out.
   */
  upsert(scope: Scope, chunks: readonly IndexedChunk[], signal: AbortSignal): Promise<void>
  /** Deleting what is not there succeeds. */
  deleteChunks(scope: Scope, ids: readonly ChunkId[], signal: AbortSignal): Promise<void>
  /** Removes all of one tenant's chunks from the index. */
  deleteTenant(scope: Scope, signal: AbortSignal): Promise<void>
  /** Every chunk id of this tenant once, in no stated order. */
  listChunkIds(scope: Scope, signal: AbortSignal): AsyncIterable<ChunkId>
  /** Resolves when the store answers, rejects with `upstream_failed` or `unavailable` when it does not. */
  checkHealth(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/**
 * The contract of a dense index. Calls reject with a `QuarryError` (`not_found` for an index that does not exist,
 * a retryable code for the store's own trouble), settle within 50 ms of an abort, and evaluate the filter before k.
 * `test/conformance/vector-store.ts` is its proof.
 */
export interface VectorStore extends IndexWriter {
  searchDense(scope: Scope, query: DenseQuery, signal: AbortSignal): Promise<LegResult>
}
