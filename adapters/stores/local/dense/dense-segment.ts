import type { Metric } from '../../../../src/core/vector-store.ts'
import type { Found, RowSearch } from '../found.ts'

/** The vectors of one segment, searchable in the way of its kind. Rows are numbered from 0 without gaps. */
export interface DenseSegment {
  readonly kind: 'flat' | 'hnsw' | 'ivf_pq'
  /**
   * The best allowed rows with exact scores (cosine; dot product; minus the Euclidean distance), ties by `isBefore`.
   * Gives the event loop back as `core/turns.ts` says wherever it may take longer than a millisecond.
   */
  search(query: Float32Array, search: RowSearch, signal: AbortSignal): Promise<Found>
  /** Frees what lies outside the segment's region, such as a native graph. */
  close(): void
}

/** What a builder of any kind is given: rows × dimensions numbers, checked to be finite and no vector zero. */
export interface VectorRows {
  readonly count: number
  readonly dimensions: number
  readonly metric: Metric
  readonly floats: Float32Array
}
