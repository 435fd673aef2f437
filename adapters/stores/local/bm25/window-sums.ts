import type { Bitmap } from '../bitmap.ts'
import type { Kernels } from '../memory/kernels.ts'
import type { Candidates } from './candidates.ts'
import type { TermCursor } from './plan.ts'
import { type PostingArrays, WINDOW_BITS, WINDOW_ROWS } from './postings-blocks.ts'

const WINDOW_WORDS = WINDOW_ROWS >>> 5
const SUMS_BYTES = WINDOW_ROWS * 4
const ROWS_BYTES = WINDOW_ROWS * 2
const ALLOWED_BYTES = WINDOW_WORDS * 4
const NOTHING_ABOVE = 2 ** 31 - 1

/** Upper bounds of the scores of a window's rows, added up in the kernels' memory. All are 0 between two windows. */
export class WindowSums {
  readonly #kernels: Kernels
  readonly #bytes: Uint8Array
  readonly #rowCount: number
  readonly #rowsAt: number
  readonly #impactsAt: number
  readonly #sumsAt: number
  readonly #found: Uint16Array
  readonly #foundSums: Int32Array
  readonly #allowed: Uint32Array

  /** @throws QuarryError `unavailable` where the memory is full */
  constructor({ rows, impacts, lengths }: PostingArrays, kernels: Kernels) {
    this.#kernels = kernels
    this.#rowCount = lengths.length
    this.#rowsAt = kernels.addressOf(rows)
    this.#impactsAt = kernels.addressOf(impacts)
    this.#bytes = kernels.takeBytes(2 * SUMS_BYTES + ROWS_BYTES + ALLOWED_BYTES)
    const { buffer, byteOffset } = this.#bytes
    this.#sumsAt = byteOffset
    this.#foundSums = new Int32Array(buffer, byteOffset + SUMS_BYTES, WINDOW_ROWS)
    this.#found = new Uint16Array(buffer, byteOffset + 2 * SUMS_BYTES, WINDOW_ROWS)
    this.#allowed = new Uint32Array(buffer, byteOffset + 2 * SUMS_BYTES + ROWS_BYTES, WINDOW_WORDS)
    // What others left there goes.
    this.#takeAbove(0, NOTHING_ABOVE, 0)
  }

  free(): void {
    this.#kernels.giveBytes(this.#bytes)
  }

  add({ start, end, boundWeight }: TermCursor, window: number): void {
    this.#kernels.run.addPostings(
      this.#rowsAt + start * 4,
      this.#impactsAt + start,
      end - start,
      boundWeight,
      window << WINDOW_BITS,
      this.#sumsAt,
    )
  }

  /** Offers the rows whose bounds are above the cut, those that are allowed, and begins anew. */
  offer(window: number, allowed: Bitmap | null, candidates: Candidates): void {
    const allowedAt = allowed === null ? 0 : this.#copyAllowed(allowed, window)
    const count = this.#takeAbove(window, candidates.cut, allowedAt)
    const first = window << WINDOW_BITS
    for (let i = 0; i < count; i++) {
      const bound = this.#foundSums[i] as number
      if (bound > candidates.cut) candidates.add(first + (this.#found[i] as number), bound)
    }
  }

  #takeAbove(window: number, cut: number, allowedAt: number): number {
    const rowsLeft = this.#rowCount - (window << WINDOW_BITS)
    return this.#kernels.run.takeAbove(
      this.#sumsAt,
      Math.min(WINDOW_ROWS, (rowsLeft + 15) & ~15),
      cut,
      allowedAt,
      this.#found.byteOffset,
      this.#foundSums.byteOffset,
    )
  }

  #copyAllowed(allowed: Bitmap, window: number): number {
    const from = window * WINDOW_WORDS
    this.#allowed.set(allowed.subarray(from, from + WINDOW_WORDS))
    return this.#allowed.byteOffset
  }
}
