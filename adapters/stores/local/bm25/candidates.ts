import type { SearchPlan } from './plan.ts'

/**
 * Rows that may be among the k best, by upper bounds of their scores. The k-th best bound tells what the k-th best row
 * scores at least, and so raises the cut below which rows are left out.
 */
export class Candidates {
  readonly #plan: SearchPlan
  readonly #k: number
  /** The k best bounds, the least of them on top. */
  readonly #heap: Int32Array
  #heapCount = 0
  #rows: Uint32Array
  #bounds: Int32Array
  #count = 0
  /** Rows whose bound is not above it are left out. */
  cut: number

  constructor(plan: SearchPlan, k: number, floor: number) {
    this.#plan = plan
    this.#k = k
    this.#heap = new Int32Array(k)
    this.#rows = new Uint32Array(4 * k)
    this.#bounds = new Int32Array(4 * k)
    this.cut = plan.cutOf(Math.max(floor, plan.startScore))
  }

  /** The bound must be above the cut. */
  add(row: number, bound: number): void {
    if (this.#count === this.#rows.length) this.#makeRoom()
    this.#rows[this.#count] = row
    this.#bounds[this.#count++] = bound
    if (this.#heapCount < this.#k) this.#push(bound)
    else if (bound > (this.#heap[0] as number)) this.#replaceLeast(bound)
  }

  /** Those whose bounds are above the cut, in the order in which they came. */
  rows(): Uint32Array {
    this.#compact()
    return this.#rows.subarray(0, this.#count)
  }

  #raiseCut(): void {
    const least = this.#plan.scoreOf(this.#heap[0] as number)
    this.cut = Math.max(this.cut, this.#plan.cutOf(least))
  }

  #makeRoom(): void {
    this.#compact()
    if (this.#count * 2 < this.#rows.length) return
    const [rows, bounds] = [this.#rows, this.#bounds]
    this.#rows = new Uint32Array(rows.length * 2)
    this.#bounds = new Int32Array(rows.length * 2)
    this.#rows.set(rows)
    this.#bounds.set(bounds)
  }

  #compact(): void {
    const [rows, bounds, cut] = [this.#rows, this.#bounds, this.cut]
    let kept = 0
    for (let i = 0; i < this.#count; i++) {
      const bound = bounds[i] as number
      if (bound <= cut) continue
      rows[kept] = rows[i] as number
      bounds[kept++] = bound
    }
    this.#count = kept
  }

  #push(bound: number): void {
    const heap = this.#heap
    let at = this.#heapCount++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if ((heap[parent] as number) <= bound) break
      heap[at] = heap[parent] as number
      at = parent
    }
    heap[at] = bound
    if (this.#heapCount === this.#k) this.#raiseCut()
  }

  #replaceLeast(bound: number): void {
    const heap = this.#heap
    const count = this.#k
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= count) break
      if (child + 1 < count && (heap[child + 1] as number) < (heap[child] as number)) child += 1
      if ((heap[child] as number) >= bound) break
      heap[at] = heap[child] as number
      at = child
    }
    heap[at] = bound
    this.#raiseCut()
  }
}
