import type { IndexSpec } from '../../../../src/core/vector-store.ts'
import type { TermBytes } from '../bm25/term-table.ts'
import type { SegmentKind } from './choose-kind.ts'

/** Work for a builder thread: write the segment file at `path`. */
export type BuildJob = SealJob | MergeJob

interface JobBase {
  readonly path: string
  /** Where a native graph is kept beside the segment, if its kind needs one. */
  readonly graphPath: string
  readonly owner: SegmentOwner
  readonly spec: IndexSpec
}

/** Whose segment it is, so that a file that strays into another's folder is recognised. */
export interface SegmentOwner {
  readonly collection: string
  readonly index: string
  readonly tenant: string
}

export interface SealJob extends JobBase {
  readonly kind: 'seal'
  readonly log: DeltaLogRows
  /** What the numbers of terms in the log stand for; null for an index without a lexical part. */
  readonly terms: TermBytes | null
}

/** Rows as the delta logged them: where each one's record, terms and vector lie in shared pages. */
export interface DeltaLogRows {
  readonly pages: readonly SharedArrayBuffer[]
  readonly pageOf: Uint32Array
  readonly from: Uint32Array
  /** End of the record; the terms, where there are any, follow at the next multiple of 4. */
  readonly to: Uint32Array
  /** End of the terms, where the vector is if there is one. */
  readonly vectorFrom: Uint32Array
}

export interface MergeJob extends JobBase {
  readonly kind: 'merge'
  readonly inputs: readonly MergeInput[]
}

export interface MergeInput {
  readonly path: string
  /** Rows that were deleted when the merge began. */
  readonly dead: Uint32Array | null
}

export interface Built {
  readonly rows: number
  readonly kind: SegmentKind
  /** Of the segment file and its graph, on disk. */
  readonly bytes: number
}
