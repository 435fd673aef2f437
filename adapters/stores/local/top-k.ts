/** Keeps the k best of many scored rows in a heap with the worst of them on top. */
export class TopK {
  readonly #k: number
  readonly #isBefore: (row: number, other: number) => boolean
  readonly #rows: number[] = []
  readonly #scores: number[] = []

  /** `isBefore` orders rows of equal score. */
  constructor(k: number, isBefore: (row: number, other: number) => boolean) {
    this.#k = k
    this.#isBefore = isBefore
  }

  /** Whether a row of this score would be kept now, so that dear checks are made for such rows only. NaN never is. */
  admits(score: number, row: number): boolean {
    if (this.#rows.length < this.#k) return !Number.isNaN(score)
    const worst = this.#scores[0] ?? 0
    return score > worst || (score === worst && this.#isBefore(row, this.#rows[0] ?? 0))
  }

  add(score: number, row: number): void {
    if (this.#rows.length < this.#k) {
      this.#rows.push(row)
      this.#scores.push(score)
      this.#rise(this.#rows.length - 1)
    } else if (this.admits(score, row)) {
      this.#rows[0] = row
      this.#scores[0] = score
      this.#sink(0)
    }
  }

  /** Row and score, in no order. */
  entries(): { readonly row: number; readonly score: number }[] {
    return this.#rows.map((row, i) => ({ row, score: this.#scores[i] ?? 0 }))
  }

  #rise(from: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#isWorse(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #sink(from: number): void {
    let at = from
    for (;;) {
      let worst = at
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < this.#rows.length && this.#isWorse(child, worst)) worst = child
      if (worst === at) return
      this.#swap(at, worst)
      at = worst
    }
  }

  #isWorse(a: number, b: number): boolean {
    const left = this.#scores[a] ?? 0
    const right = this.#scores[b] ?? 0
    return (
      left < right || (left === right && this.#isBefore(this.#rows[b] ?? 0, this.#rows[a] ?? 0))
    )
  }

  #swap(a: number, b: number): void {
    const row = this.#rows[a] ?? 0
    const score = this.#scores[a] ?? 0
    this.#rows[a] = this.#rows[b] ?? 0
    this.#scores[a] = this.#scores[b] ?? 0
    this.#rows[b] = row
    this.#scores[b] = score
  }
}
