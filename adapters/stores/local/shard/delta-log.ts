import type { RowTerms } from '../bm25/count-terms.ts'
import type { DeltaLogRows } from '../build/job.ts'
import { type LogPage, logPage, termsFrom, termsIn } from '../build/log-page.ts'

const PAGE_BYTES = 256 * 1024
const FIRST_PAGE_BYTES = 4 * 1024

/** What entered a delta, in shared pages, so that a builder thread reads it where it lies. */
export class DeltaLog {
  readonly #pages: LogPage[] = []
  readonly #pageOf: number[] = []
  readonly #from: number[] = []
  readonly #to: number[] = []
  readonly #vectorFrom: number[] = []
  #used = 0
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** So that `append` of the same can't fail. */
  makeRoom(record: Uint8Array, terms: RowTerms | null, vector: Float32Array | null): void {
    this.#pageFor(placesOf(record, terms, vector).bytes)
  }

  /** Rows are numbered from 0 in the order they come. */
  append(record: Uint8Array, terms: RowTerms | null, vector: Float32Array | null): void {
    const { termsAt, vectorAt, bytes } = placesOf(record, terms, vector)
    const page = this.#pageFor(bytes)
    const from = this.#used
    page.bytes.set(record, from)
    if (terms !== null) page.words.set(terms, (from + termsAt) / 4)
    if (vector !== null) page.floats.set(vector, (from + vectorAt) / 4)
    this.#pageOf.push(this.#pages.length - 1)
    this.#from.push(from)
    this.#to.push(from + record.length)
    this.#vectorFrom.push(from + vectorAt)
    this.#used += bytes
  }

  termsOf(row: number): RowTerms {
    const page = this.#pages[this.#pageOf[row] as number] as LogPage
    return termsIn(page, this.#to[row] as number, this.#vectorFrom[row] as number)
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

  /** The last page, or a new one. Small first, since most tenants write little at a time. */
  #pageFor(bytes: number): LogPage {
    const last = this.#pages.at(-1)
    if (last !== undefined && this.#used + bytes <= last.buffer.byteLength) return last
    const usual = Math.min(PAGE_BYTES, FIRST_PAGE_BYTES * 2 ** this.#pages.length)
    const buffer = new SharedArrayBuffer(Math.max(usual, bytes))
    const page = logPage(buffer)
    this.#pages.push(page)
    this.#used = 0
    this.#bytes += buffer.byteLength
    return page
  }
}

/** Where in a row its parts begin, and how long it is. */
function placesOf(record: Uint8Array, terms: RowTerms | null, vector: Float32Array | null) {
  const termsAt = termsFrom(record.length)
  const vectorAt = termsAt + (terms?.byteLength ?? 0)
  return { termsAt, vectorAt, bytes: vectorAt + (vector?.byteLength ?? 0) }
}
