/** The sizes of the lists and codes of one segment. */
export interface IvfShape {
  readonly lists: number
  /** Of a vector; each has a code. */
  readonly subvectors: number
  /** Dimensions of a subvector; the last one is filled up with zeros. */
  readonly subDimensions: number
  readonly bits: 4 | 8
  /** Numbers of a centroid or an int8 row: the dimensions, filled up with zeros to a multiple of 16. */
  readonly width: number
}

export interface IvfAsked {
  readonly lists?: number | undefined
  readonly subvectors?: number | undefined
  readonly bits?: 4 | 8 | undefined
}

/** Lists for one row at the square root's pace: 512 for 100,000 rows, where lists and centroids take as long to scan. */
const LISTS_PER_ROOT = 1.62
/** k-means wants at least so many rows a list. */
const ROWS_PER_LIST_MIN = 64
/** Lists are numbered in sixteen bits. */
const LISTS_MAX = 65_535
/** Bits of code for a dimension. */
const BITS_PER_DIMENSION = 1
/** Sixteen-bit sums of a scan with four bits, see `scoreCodes4`, and tables that stay in a cache. */
const SUBVECTORS_MAX = 1_024

/** Fits what was asked to the rows: no more lists than rows, no more subvectors than dimensions. */
export function shapeFor(count: number, dimensions: number, asked: IvfAsked): IvfShape {
  const { bits = 4 } = asked
  const usual = Math.min(LISTS_PER_ROOT * Math.sqrt(count), count / ROWS_PER_LIST_MIN)
  const lists = clamp(Math.round(asked.lists ?? usual), 1, Math.min(LISTS_MAX, count))
  const parts = asked.subvectors ?? Math.round((dimensions * BITS_PER_DIMENSION) / bits)
  const wanted = clamp(parts, 1, Math.min(SUBVECTORS_MAX, dimensions))
  const subDimensions = Math.ceil(dimensions / wanted)
  const subvectors = Math.ceil(dimensions / subDimensions)
  return { lists, subvectors, subDimensions, bits, width: Math.ceil(dimensions / 16) * 16 }
}

/** Codes of one codebook. */
export function codesOf({ bits }: IvfShape): 16 | 256 {
  return bits === 4 ? 16 : 256
}

/** Numbers of a query or of a row to be encoded: it is read by whole vectors of SIMD and by whole subvectors. */
export function paddedWidth({ width, subvectors, subDimensions }: IvfShape): number {
  return Math.max(width, Math.ceil((subvectors * subDimensions) / 4) * 4)
}

/** Bytes of a row's code with 8 bits: `scoreCodes8` takes four subvectors at a time. */
export function codeBytes({ subvectors }: IvfShape): number {
  return Math.ceil(subvectors / 4) * 4
}

/** Rows of a block with 4 bits. */
export const BLOCK_ROWS = 32

/** Bytes of a block of 32 rows with 4 bits: two subvectors a byte. */
export function blockBytes({ subvectors }: IvfShape): number {
  return Math.ceil(subvectors / 2) * BLOCK_ROWS
}

/** Where each list's codes begin, in bytes, and where the last one ends. */
export function codeStarts(shape: IvfShape, starts: Int32Array): Float64Array {
  const at = new Float64Array(starts.length)
  for (let list = 0; list + 1 < starts.length; list++) {
    const rows = (starts[list + 1] as number) - (starts[list] as number)
    const bytes =
      shape.bits === 8 ? rows * codeBytes(shape) : Math.ceil(rows / BLOCK_ROWS) * blockBytes(shape)
    at[list + 1] = (at[list] as number) + bytes
  }
  return at
}

function clamp(value: number, min: number, max: number): number {
  return Math.max(min, Math.min(value, max))
}
