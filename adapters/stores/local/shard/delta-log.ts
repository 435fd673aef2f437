import type { RowTerms } from '../bm25/count-terms.ts'
import type { DeltaLogRows } from '../build/job.ts'

const PAGE_BYTES = 256 * 1024
const FIRST_PAGE_BYTES = 4 * 1024

/** A page in the forms that are written to it. */
interface Page {
  readonly buffer: SharedArrayBuffer
  readonly bytes: Uint8Array
  readonly words: Uint32Array
  readonly floats: Float32Array
}

/** What entered a delta, in shared pages, so that a builder thread reads it where it lies. */
export class DeltaLog {
  readonly #pages: Page[] = []
  readonly #pageOf: number[] = []
  readonly #from: number[] = []
  readonly #to: number[] = []
  readonly #vectorFrom: number[] = []
  #used = 0
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** Rows are numbered from 0 in the order they come. */
  append(record: Uint8Array, terms: RowTerms | null, vector: Float32Array | null): void {
    const termsFrom = (record.length + 3) & ~3
    const vectorFrom = termsFrom + (terms?.byteLength ?? 0)
    const bytes = vectorFrom + (vector?.byteLength ?? 0)
    const page = this.#pageFor(bytes)
    const from = this.#used
    page.bytes.set(record, from)
    if (terms !== null) page.words.set(terms, (from + termsFrom) / 4)
    if (vector !== null) page.floats.set(vector, (from + vectorFrom) / 4)
    this.#pageOf.push(this.#pages.length - 1)
    this.#from.push(from)
    this.#to.push(from + record.length)
    this.#vectorFrom.push(from + vectorFrom)
    this.#used += bytes
  }

  termsOf(row: number): RowTerms {
    const { words } = this.#pages[this.#pageOf[row] as number] as Page
    return words.subarray(
      ((this.#to[row] as number) + 3) >>> 2,
      (this.#vectorFrom[row] as number) / 4,
    )
  }

  rows(wanted: readonly number[]): DeltaLogRows {
    const of = (numbers: readonly number[]): Uint32Array =>
      Uint32Array.from(wanted, (row) => numbers[row] as number)
    return {
      pages: this.#pages.map(({ buffer }) => buffer),
      pageOf: of(this.#pageOf),
      from: of(this.#from),
      to: of(this.#to),
      vectorFrom: of(this.#vectorFrom),
    }
  }

  /** Small first, since most tenants write little at a time. */
  #pageFor(bytes: number): Page {
    const last = this.#pages.at(-1)
    if (last !== undefined && this.#used + bytes <= last.buffer.byteLength) return last
    const usual = Math.min(PAGE_BYTES, FIRST_PAGE_BYTES * 2 ** this.#pages.length)
    const buffer = new SharedArrayBuffer(Math.max(usual, bytes))
    const page = {
      buffer,
      bytes: new Uint8Array(buffer),
      words: new Uint32Array(buffer),
      floats: new Float32Array(buffer),
    }
    this.#pages.push(page)
    this.#used = 0
    this.#bytes += buffer.byteLength
    return page
  }
}
