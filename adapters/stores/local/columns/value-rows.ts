import { withRoom } from '../bm25/growing.ts'

/** The distinct values of one type that a field holds, in order, and the rows of each: `rows` from `starts[i]`. */
export interface SortedRows<Value> {
  readonly values: readonly Value[]
  /** One more than there are values. */
  readonly starts: Uint32Array
  /** Ascending within a value. */
  readonly rows: Uint32Array
  /** Whether no row has two of the values. */
  readonly isSingle: boolean
}

/** Gathers which rows hold which values. Rows must come in order; a value that a row repeats counts once. */
export class ValueRows<Value> {
  readonly #numbers = new Map<Value, number>()
  readonly #counts: number[] = []
  readonly #lastRows: number[] = []
  /** Which value, by the number it was given when it first came, is in which row. */
  #valueOf = new Uint32Array(16)
  #rowOf = new Uint32Array(16)
  #length = 0
  #isSingle = true

  add(value: Value, row: number): void {
    const number = this.#numberOf(value)
    if (this.#lastRows[number] === row) return
    const at = this.#length++
    if (at > 0 && this.#rowOf[at - 1] === row) this.#isSingle = false
    this.#valueOf = withRoom(this.#valueOf, this.#length)
    this.#rowOf = withRoom(this.#rowOf, this.#length)
    this.#valueOf[at] = number
    this.#rowOf[at] = row
    this.#lastRows[number] = row
    this.#counts[number] = (this.#counts[number] as number) + 1
  }

  #numberOf(value: Value): number {
    const known = this.#numbers.get(value)
    if (known !== undefined) return known
    const made = this.#numbers.size
    this.#numbers.set(value, made)
    this.#counts.push(0)
    this.#lastRows.push(-1)
    return made
  }

  /** By counting, so that the rows of a value stay in order. */
  sorted(compare: (a: Value, b: Value) => number): SortedRows<Value> {
    const values = [...this.#numbers.keys()].sort(compare)
    const starts = new Uint32Array(values.length + 1)
    const next = new Uint32Array(values.length)
    for (const [i, value] of values.entries()) {
      const number = this.#numbers.get(value) as number
      next[number] = starts[i] as number
      starts[i + 1] = (starts[i] as number) + (this.#counts[number] as number)
    }
    const rows = new Uint32Array(this.#length)
    for (let i = 0; i < rows.length; i++) {
      const number = this.#valueOf[i] as number
      const to = next[number] as number
      rows[to] = this.#rowOf[i] as number
      next[number] = to + 1
    }
    return { values, starts, rows, isSingle: this.#isSingle }
  }
}
