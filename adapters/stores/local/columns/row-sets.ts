import type { Bitmap } from '../bitmap.ts'

/** Keeps in `rows` what is in `others`, too; answers whether anything is left. */
export function intersect(rows: Bitmap, others: Bitmap): boolean {
  let left = 0
  for (let i = 0; i < rows.length; i++) {
    const word = (rows[i] as number) & (others[i] as number)
    rows[i] = word
    left |= word
  }
  return left !== 0
}

/** Adds to `rows` what is in `others`. */
export function unite(rows: Bitmap, others: Bitmap): void {
  for (let i = 0; i < rows.length; i++) rows[i] = (rows[i] as number) | (others[i] as number)
}

/** Makes of `rows` what it lacks of all `count`. */
export function complement(rows: Bitmap, count: number): void {
  for (let i = 0; i < rows.length; i++) rows[i] = ~(rows[i] as number)
  const tail = count & 31
  if (tail !== 0) rows[rows.length - 1] = (rows[rows.length - 1] as number) & (2 ** tail - 1)
}

/** Adds the rows `from` to `to`, exclusive. */
export function addRun(rows: Bitmap, from: number, to: number): void {
  for (let row = from; row < to; row++)
    rows[row >>> 5] = (rows[row >>> 5] as number) | (1 << (row & 31))
}
