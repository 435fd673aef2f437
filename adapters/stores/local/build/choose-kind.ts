import type { DenseSpec } from '../../../../src/core/vector-store.ts'

export type SegmentKind = 'flat' | 'hnsw' | 'ivf_pq' | 'none'

/** Numbers that an exact scan compares in about 2 ms of one core: 32,000 rows of 384 dimensions. */
const SCAN_NUMBERS_MAX = 32_000 * 384
/** A graph over fewer rows is no quicker than looking at all of them. */
const HNSW_ROWS_MIN = 2_000
/** Fewer rows cannot train lists and codebooks that say anything. */
const IVF_ROWS_MIN = 4_096

/** How a segment of so many rows is searched. Small segments are scanned whatever the index asks for: that is exact. */
export function chooseKind(dense: DenseSpec | null, rows: number): SegmentKind {
  if (dense === null) return 'none'
  const { algorithm, dimensions } = dense
  switch (algorithm.kind) {
    case 'hnsw':
      return rows < HNSW_ROWS_MIN ? 'flat' : 'hnsw'
    case 'ivf_pq':
      return rows < IVF_ROWS_MIN ? 'flat' : 'ivf_pq'
    case 'auto':
      return rows * dimensions <= SCAN_NUMBERS_MAX ? 'flat' : 'ivf_pq'
    default:
      return 'flat'
  }
}

/** The same, for people. */
export function explainKind(dense: DenseSpec | null): string {
  if (dense === null) return 'no dense part here'
  const { algorithm, dimensions } = dense
  const scanned = Math.floor(SCAN_NUMBERS_MAX / dimensions)
  switch (algorithm.kind) {
    case 'hnsw':
      return `segments below ${HNSW_ROWS_MIN} chunks are scanned exactly, larger ones are graphs`
    case 'ivf_pq':
      return `segments below ${IVF_ROWS_MIN} chunks are scanned exactly, larger ones have lists and codes`
    case 'auto':
      return `segments up to ${scanned} chunks are scanned exactly (about 2 ms), larger ones have lists and codes (ivf_pq)`
    default:
      return 'every search looks at every vector'
  }
}
