/** What one segment answers: its best rows with their exact scores, best first. */
export interface Found {
  readonly rows: readonly number[]
  readonly scores: readonly number[]
  /** False where allowed rows may have been left out though fewer than k were found. */
  readonly complete: boolean
}

export const NOTHING_FOUND: Found = { rows: [], scores: [], complete: true }

/** What every search of a segment is told beside its query. */
export interface RowSearch {
  readonly k: number
  /** The rows that may be answered, without the deleted ones; null stands for all rows of the segment. */
  readonly allowed: Uint32Array | null
  /** How many rows `allowed` holds; the segment's row count where it is null. */
  readonly allowedCount: number
  /** Rows that score lower can be left out: k better ones are known from elsewhere. -Infinity at first. */
  readonly floor: number
  /** Which of two rows of the same score comes first (by chunk id). */
  readonly isBefore: (row: number, other: number) => boolean
}
