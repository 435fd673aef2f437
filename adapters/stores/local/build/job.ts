import type { IndexSpec } from '../../../../src/core/vector-store.ts'
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
}

/** Rows as the delta logged them: where each one's record and vector lie in shared pages. */
export interface DeltaLogRows {
  readonly pages: readonly SharedArrayBuffer[]
  readonly pageOf: Uint32Array
  readonly from: Uint32Array
  /** End of the record; the vector, where there is one, follows at the next multiple of 4. */
  readonly to: Uint32Array
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
