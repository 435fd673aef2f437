/** Rows near a query, nearest first, with what the graph takes for their scores. */
export interface Neighbours {
  readonly rows: ArrayLike<number>
  /** Exact; null where the graph has only rounded vectors and the scores are to be computed from the floats. */
  readonly scores: ArrayLike<number> | null
}

/** A native graph that was loaded. */
export interface Graph {
  readonly rows: number
  /** Of native memory: an estimate that was measured at 100,000 rows. */
  readonly bytes: number
  /** The nearest `depth` rows of a search through `width` candidates, which is as `ef` elsewhere; depth ≤ width ≤ rows. */
  nearest(query: Float32Array, width: number, depth: number): Neighbours | Promise<Neighbours>
  close(): void
}

/** The vectors of some rows as they were given, one after the other. */
export type ReadVectors = (rows: readonly number[], signal: AbortSignal) => Promise<Float32Array>
