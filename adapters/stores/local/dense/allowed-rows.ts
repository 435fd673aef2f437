import { BLOCK_ROWS } from '../memory/scratch.ts'

/** The rows of a piece that a search may find. */
export interface AllowedRows {
  readonly bitmap: Uint32Array
  /** The piece's row 0 is number `first` in the bitmap, a multiple of 32. */
  readonly first: number
  /** Whether going through all rows is quicker than through the allowed ones. */
  readonly isDense: boolean
}

/** How far a search went through the rows of a piece; from the start a multiple of 32. */
export interface Cursor {
  next: number
  readonly end: number
}

/** Memory is several times quicker from front to back: with more rows than this share, all are read. */
const DENSE_SHARE = 1 / 4

export function isDense(bitmap: Uint32Array, allowedCount: number): boolean {
  return allowedCount >= bitmap.length * 32 * DENSE_SHARE
}

/** Lists allowed rows from the cursor on, until fewer than a word's would fit; answers how many. */
export function listAllowed(
  { bitmap, first }: AllowedRows,
  cursor: Cursor,
  list: Uint32Array,
): number {
  const { end } = cursor
  const shift = first >>> 5
  const wordEnd = Math.min(bitmap.length - shift, (end + 31) >>> 5)
  const countMax = list.length - 32
  let count = 0
  let word = cursor.next >>> 5
  for (; word < wordEnd && count <= countMax; word++) {
    for (let bits = bitmap[shift + word] as number; bits !== 0; bits &= bits - 1) {
      const row = word * 32 + 31 - Math.clz32(bits & -bits)
      if (row < end) list[count++] = row
    }
  }
  cursor.next = word < wordEnd ? word * 32 : end
  return count
}

/** Copies the bits of a block of rows; answers whether any is set. */
export function copyAllowed(
  { bitmap, first }: AllowedRows,
  from: number,
  into: Uint32Array,
): boolean {
  const start = (first + from) >>> 5
  let any = 0
  for (let i = 0; i < BLOCK_ROWS / 32; i++) {
    const bits = bitmap[start + i] ?? 0
    into[i] = bits
    any |= bits
  }
  return any !== 0
}
