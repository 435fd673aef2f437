/** A set of rows: row `r` is bit `r & 31` of word `r >> 5`. Bits past the last row are 0. */
export type Bitmap = Uint32Array

export function emptyBitmap(rows: number): Bitmap {
  return new Uint32Array((rows + 31) >>> 5)
}

export function fullBitmap(rows: number): Bitmap {
  const bitmap = emptyBitmap(rows).fill(0xffffffff)
  const tail = rows & 31
  if (tail !== 0) bitmap[bitmap.length - 1] = 2 ** tail - 1
  return bitmap
}

export function hasRow(bitmap: Bitmap, row: number): boolean {
  return (((bitmap[row >>> 5] ?? 0) >>> (row & 31)) & 1) === 1
}

export function addRow(bitmap: Bitmap, row: number): void {
  const at = row >>> 5
  bitmap[at] = (bitmap[at] ?? 0) | (1 << (row & 31))
}

export function removeRow(bitmap: Bitmap, row: number): void {
  const at = row >>> 5
  bitmap[at] = (bitmap[at] ?? 0) & ~(1 << (row & 31))
}

/** How many rows are in it. */
export function countRows(bitmap: Bitmap): number {
  let count = 0
  for (let i = 0; i < bitmap.length; i++) count += bitsOf(bitmap[i] as number)
  return count
}

/** Hacker's Delight, figure 5-2. */
function bitsOf(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555)
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333)
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
