import { selectLeast } from './select.ts'
import { PIECE_ROWS } from './workspace.ts'

/** The `depth` positions of the greatest keys. More are kept for a while, so that they are seldom sorted out. */
export class Candidates {
  readonly #depth: number
  /** Minus the keys. */
  readonly #costs: Float64Array
  readonly #positions: Int32Array
  #count = 0
  /** Of a key that is taken: less than this. */
  #costMax = Number.POSITIVE_INFINITY

  constructor(depth: number) {
    this.#depth = depth
    this.#costs = new Float64Array(2 * depth + PIECE_ROWS)
    this.#positions = new Int32Array(2 * depth + PIECE_ROWS)
  }

  /** Takes the first `count` keys, of the positions from `from` on. */
  addAll(keys: Float32Array, count: number, from: number): void {
    const costs = this.#costs
    const positions = this.#positions
    const most = -this.#costMax
    let at = this.#count
    for (let i = 0; i < count; i++) {
      const key = keys[i] as number
      if (key <= most) continue
      costs[at] = -key
      positions[at] = from + i
      at++
    }
    this.#grewTo(at)
  }

  /** Takes those of the keys that `chosen` numbers, `count` of them; the position of the first key is `from`. */
  addSome(keys: Float32Array, chosen: Int32Array, count: number, from: number): void {
    const costs = this.#costs
    const positions = this.#positions
    const most = -this.#costMax
    let at = this.#count
    for (let i = 0; i < count; i++) {
      const which = chosen[i] as number
      const key = keys[which] as number
      if (key <= most) continue
      costs[at] = -key
      positions[at] = from + which
      at++
    }
    this.#grewTo(at)
  }

  /** The positions of the greatest keys, in no order. */
  positions(): Int32Array {
    if (this.#count > this.#depth) this.#shrink()
    return this.#positions.subarray(0, this.#count)
  }

  /** The k-th greatest key so far; -Infinity where there are fewer. */
  keyAt(k: number): number {
    if (this.#count < k) return Number.NEGATIVE_INFINITY
    selectLeast(this.#costs, this.#positions, this.#count, k)
    return -mostOf(this.#costs, k)
  }

  #grewTo(count: number): void {
    this.#count = count
    if (count > 2 * this.#depth) this.#shrink()
  }

  #shrink(): void {
    selectLeast(this.#costs, this.#positions, this.#count, this.#depth)
    this.#count = this.#depth
    this.#costMax = mostOf(this.#costs, this.#depth)
  }
}

function mostOf(numbers: Float64Array, count: number): number {
  let most = Number.NEGATIVE_INFINITY
  for (let i = 0; i < count; i++) most = Math.max(most, numbers[i] as number)
  return most
}
