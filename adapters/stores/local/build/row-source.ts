import type { Chunk } from '../../../../src/core/model.ts'
import type { LexicalSpec } from '../../../../src/core/vector-store.ts'
import type { Blocks } from '../blocks.ts'

/** The rows of a segment to be, in their final order; each may be read several times. */
export interface RowSource {
  readonly count: number
  chunks(): Iterable<Chunk>
  postings(spec: LexicalSpec): Blocks
  /** Writes all vectors, row after row; never called for an index without a dense part. */
  readVectors(floats: Float32Array, dimensions: number): Promise<void>
}
