import { withRoom } from './growing.ts'
import { LARGE_UNITS } from './postings-blocks.ts'

const PAGE_BITS = 16
const PAGE_POSTINGS = 2 ** PAGE_BITS

/** Terms and their frequencies, row by row, in pages that are never copied and are let go of as they are read. */
export class PostingLog {
  readonly #terms: (Uint32Array | null)[] = []
  readonly #units: (Uint8Array | null)[] = []
  #count = 0
  #rowEnds: Uint32Array = new Uint32Array(1024)
  #rowCount = 0
  /** Frequencies that fit into no byte, in the order in which they came. */
  #large: Uint32Array = new Uint32Array(16)
  #largeCount = 0

  get count(): number {
    return this.#count
  }

  push(term: number, units: number): void {
    const at = this.#count & (PAGE_POSTINGS - 1)
    if (at === 0) {
      this.#terms.push(new Uint32Array(PAGE_POSTINGS))
      this.#units.push(new Uint8Array(PAGE_POSTINGS))
    }
    const page = this.#count++ >>> PAGE_BITS
    ;(this.#terms[page] as Uint32Array)[at] = term
    ;(this.#units[page] as Uint8Array)[at] = Math.min(units, LARGE_UNITS)
    if (units < LARGE_UNITS) return
    this.#large = withRoom(this.#large, this.#largeCount + 1)
    this.#large[this.#largeCount++] = units
  }

  endRow(): void {
    this.#rowEnds = withRoom(this.#rowEnds, this.#rowCount + 1)
    this.#rowEnds[this.#rowCount++] = this.#count
  }

  /** Gives every posting in order and forgets it. */
  drain(take: (row: number, term: number, units: number) => void): void {
    let posting = 0
    let large = 0
    for (let row = 0; row < this.#rowCount; row++) {
      const end = this.#rowEnds[row] as number
      for (; posting < end; posting++) {
        const page = posting >>> PAGE_BITS
        const at = posting & (PAGE_POSTINGS - 1)
        const term = (this.#terms[page] as Uint32Array)[at] as number
        const units = (this.#units[page] as Uint8Array)[at] as number
        take(row, term, units < LARGE_UNITS ? units : (this.#large[large++] as number))
        if (at === PAGE_POSTINGS - 1) this.#forget(page)
      }
    }
  }

  #forget(page: number): void {
    this.#terms[page] = null
    this.#units[page] = null
  }
}
