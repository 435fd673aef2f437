/** Rows of one kernel call: some tens of microseconds. A multiple of 32, so that bitmaps can be cut at it. */
export const BLOCK_ROWS = 1_024
/** Most rows that may wait for an exact comparison. */
export const CANDIDATES_MAX = 8 * BLOCK_ROWS
/** Best rows that the scan's own heap can follow. */
export const HEAP_MAX = 1_024
const DIMENSIONS_MAX = 8_192
const TERMS = 8

/** Where a search writes its query and finds what the kernels answer. All of it lies in one memory. */
export interface Scratch {
  readonly bytes: Uint8Array
  readonly query16: Int16Array
  readonly query64: Float64Array
  readonly terms: Float64Array
  readonly heap: Float64Array
  /** Rows to look at. */
  readonly list: Uint32Array
  /** Rows that the scan found, with their upper bounds. */
  readonly rows: Uint32Array
  readonly bounds: Float64Array
  /** Exact values of a block of rows. */
  readonly values: Float64Array
}

const SIZES = {
  query16: DIMENSIONS_MAX * 2,
  query64: DIMENSIONS_MAX * 8,
  terms: TERMS * 8,
  heap: HEAP_MAX * 8,
  list: BLOCK_ROWS * 4,
  rows: CANDIDATES_MAX * 4,
  bounds: CANDIDATES_MAX * 8,
  values: BLOCK_ROWS * 8,
}

export const SCRATCH_BYTES = Object.values(SIZES).reduce((sum, bytes) => sum + bytes, 0)

/** Every size is a multiple of 64, so each part is aligned as the first is. */
export function scratchIn(bytes: Uint8Array): Scratch {
  const { buffer } = bytes
  let at = bytes.byteOffset
  const take = (size: number): number => {
    at += size
    return at - size
  }
  return {
    bytes,
    query16: new Int16Array(buffer, take(SIZES.query16), DIMENSIONS_MAX),
    query64: new Float64Array(buffer, take(SIZES.query64), DIMENSIONS_MAX),
    terms: new Float64Array(buffer, take(SIZES.terms), TERMS),
    heap: new Float64Array(buffer, take(SIZES.heap), HEAP_MAX),
    list: new Uint32Array(buffer, take(SIZES.list), BLOCK_ROWS),
    rows: new Uint32Array(buffer, take(SIZES.rows), CANDIDATES_MAX),
    bounds: new Float64Array(buffer, take(SIZES.bounds), CANDIDATES_MAX),
    values: new Float64Array(buffer, take(SIZES.values), BLOCK_ROWS),
  }
}
