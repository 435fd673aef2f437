import type { DeltaLogRows } from '../build/job.ts'

const PAGE_BYTES = 256 * 1024
const FIRST_PAGE_BYTES = 4 * 1024

/** What entered a delta, in shared pages, so that a builder thread reads it where it lies. */
export class DeltaLog {
  readonly #pages: SharedArrayBuffer[] = []
  readonly #pageOf: number[] = []
  readonly #from: number[] = []
  readonly #to: number[] = []
  #used = 0
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** Rows are numbered from 0 in the order they come. */
  append(record: Uint8Array, vector: Float32Array | null): void {
    const padded = (record.length + 3) & ~3
    const page = this.#pageFor(padded + (vector?.byteLength ?? 0))
    new Uint8Array(page, this.#used, record.length).set(record)
    if (vector !== null) new Float32Array(page, this.#used + padded, vector.length).set(vector)
    this.#pageOf.push(this.#pages.length - 1)
    this.#from.push(this.#used)
    this.#to.push(this.#used + record.length)
    this.#used += padded + (vector?.byteLength ?? 0)
  }

  rows(wanted: readonly number[]): DeltaLogRows {
    return {
      pages: [...this.#pages],
      pageOf: Uint32Array.from(wanted, (row) => this.#pageOf[row] ?? 0),
      from: Uint32Array.from(wanted, (row) => this.#from[row] ?? 0),
      to: Uint32Array.from(wanted, (row) => this.#to[row] ?? 0),
    }
  }

  /** Small first, since most tenants write little at a time. */
  #pageFor(bytes: number): SharedArrayBuffer {
    const last = this.#pages.at(-1)
    if (last !== undefined && this.#used + bytes <= last.byteLength) return last
    const usual = Math.min(PAGE_BYTES, FIRST_PAGE_BYTES * 2 ** this.#pages.length)
    const page = new SharedArrayBuffer(Math.max(usual, bytes))
    this.#pages.push(page)
    this.#used = 0
    this.#bytes += page.byteLength
    return page
  }
}
