import { type Bitmap, fullBitmap, hasRow, removeRow } from '../bitmap.ts'

/** What a deleted row takes from the statistics: the numbers of the terms it held, each once, and its length. */
export interface RowTerms {
  readonly terms: readonly number[]
  readonly length: number
}

/** The deleted rows of one segment and what they took from its statistics, so that counts are right at once. */
export class Deletes {
  readonly #rows: number
  readonly #termCount: number
  #live: Bitmap | null = null
  #count = 0
  #lengthTotal = 0
  /** How many deleted rows each term was in; empty while there are none. */
  #frequencies = new Uint32Array(0)
  /** Grows with every deletion, so that what was derived from the live rows can tell that it is old. */
  #version = 0

  constructor(rows: number, termCount: number) {
    this.#rows = rows
    this.#termCount = termCount
  }

  get count(): number {
    return this.#count
  }

  get version(): number {
    return this.#version
  }

  get lengthTotal(): number {
    return this.#lengthTotal
  }

  get frequencies(): Uint32Array {
    return this.#frequencies
  }

  /** Null while no row is deleted. It changes with later deletions. */
  get live(): Bitmap | null {
    return this.#live
  }

  isDead(row: number): boolean {
    return this.#live !== null && !hasRow(this.#live, row)
  }

  /** In how many deleted rows a term was. */
  frequencyOf(term: number): number {
    return this.#frequencies[term] ?? 0
  }

  add(row: number, taken: RowTerms | null): void {
    if (this.isDead(row)) return
    this.#live ??= fullBitmap(this.#rows)
    removeRow(this.#live, row)
    this.#count += 1
    this.#version += 1
    if (taken === null) return
    this.#lengthTotal += taken.length
    if (this.#frequencies.length === 0) this.#frequencies = new Uint32Array(this.#termCount)
    const frequencies = this.#frequencies
    for (const term of taken.terms)
      if (term >= 0) frequencies[term] = (frequencies[term] as number) + 1
  }

  /** Takes up what a former process had saved; to be called before any other change. */
  restore(saved: {
    readonly live: Bitmap
    readonly count: number
    readonly lengthTotal: number
    readonly frequencies: Uint32Array
  }): void {
    this.#live = saved.live
    this.#count = saved.count
    this.#lengthTotal = saved.lengthTotal
    this.#frequencies = new Uint32Array(saved.frequencies)
  }
}
