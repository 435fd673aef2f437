import type { Found } from './found.ts'

type IsBefore = (row: number, other: number) => boolean

/** Keeps the k best of many scored rows in a heap with the worst of them on top. */
export class TopK {
  readonly #k: number
  readonly #isBefore: IsBefore
  readonly #rows: number[] = []
  readonly #scores: number[] = []

  /** `isBefore` orders rows of equal score. */
  constructor(k: number, isBefore: IsBefore) {
    this.#k = k
    this.#isBefore = isBefore
  }

  get isFull(): boolean {
    return this.#rows.length >= this.#k
  }

  /** The least of the scores kept. */
  get worst(): number {
    return this.#scores[0] ?? Number.NEGATIVE_INFINITY
  }

  /** Whether a row of this score would be kept now, so that dear checks are made for such rows only. NaN never is. */
  admits(score: number, row: number): boolean {
    if (this.#rows.length < this.#k) return !Number.isNaN(score)
    const worst = this.#scores[0] ?? Number.POSITIVE_INFINITY
    return score > worst || (score === worst && this.#isBefore(row, this.#rows[0] ?? 0))
  }

  add(score: number, row: number): void {
    if (!this.admits(score, row)) return
    const rows = this.#rows
    const scores = this.#scores
    if (rows.length < this.#k) {
      rows.push(row)
      scores.push(score)
      rise(rows, scores, this.#isBefore)
    } else {
      sink(rows, scores, rows.length, row, score, this.#isBefore)
    }
  }

  /** Row and score, in no order. */
  entries(): { readonly row: number; readonly score: number }[] {
    return this.#rows.map((row, i) => ({ row, score: this.#scores[i] ?? 0 }))
  }

  /** Best first. */
  best(): Found {
    const rows = [...this.#rows]
    const scores = [...this.#scores]
    for (let size = rows.length - 1; size > 0; size--) {
      const row = rows[size] as number
      const score = scores[size] as number
      rows[size] = rows[0] as number
      scores[size] = scores[0] as number
      sink(rows, scores, size, row, score, this.#isBefore)
    }
    return { rows, scores, complete: true }
  }
}

/** Lets the last entry of a heap find its place. */
function rise(rows: number[], scores: number[], isBefore: IsBefore): void {
  let at = rows.length - 1
  const row = rows[at] as number
  const score = scores[at] as number
  while (at > 0) {
    const parent = (at - 1) >> 1
    const above = scores[parent] as number
    if (score > above) break
    if (score === above && !isBefore(rows[parent] as number, row)) break
    rows[at] = rows[parent] as number
    scores[at] = above
    at = parent
  }
  rows[at] = row
  scores[at] = score
}

/** Puts an entry into a heap of `size` in the place of the worst. */
function sink(
  rows: number[],
  scores: number[],
  size: number,
  row: number,
  score: number,
  isBefore: IsBefore,
): void {
  let at = 0
  for (let child = 1; child < size; child = 2 * at + 1) {
    const right = child + 1
    if (right < size && isWorse(rows, scores, right, child, isBefore)) child = right
    const below = scores[child] as number
    if (below > score) break
    if (below === score && isBefore(rows[child] as number, row)) break
    rows[at] = rows[child] as number
    scores[at] = below
    at = child
  }
  rows[at] = row
  scores[at] = score
}

function isWorse(
  rows: readonly number[],
  scores: readonly number[],
  a: number,
  b: number,
  isBefore: IsBefore,
): boolean {
  const left = scores[a] as number
  const right = scores[b] as number
  return left < right || (left === right && isBefore(rows[b] as number, rows[a] as number))
}
