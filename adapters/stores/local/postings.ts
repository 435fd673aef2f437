import { isTurnOver, nextTurn } from './slices.ts'

const POSTINGS_PER_CHECK = 8_192

/** The rows that a term is in, and how often in each, side by side. */
interface Posting {
  readonly rows: number[]
  readonly counts: number[]
}

const NOWHERE: Posting = { rows: [], counts: [] }

export interface Bm25 {
  readonly k1: number
  readonly b: number
}

/** A shard's inverted index with its counts, which always are those of the rows in it. */
export class Postings {
  readonly #byTerm = new Map<string, Posting>()
  readonly #lengths: number[] = []
  #lengthTotal = 0
  #rowCount = 0
  #postingCount = 0

  get rowCount(): number {
    return this.#rowCount
  }

  /** About what V8 takes: two numbers a posting, a map entry and two arrays a term. */
  get bytes(): number {
    return this.#postingCount * 16 + this.#byTerm.size * 200 + this.#lengths.length * 8
  }

  documentFrequency(term: string): number {
    return this.#byTerm.get(term)?.rows.length ?? 0
  }

  add(row: number, terms: readonly string[]): void {
    for (const [term, count] of countsOf(terms)) {
      let posting = this.#byTerm.get(term)
      if (posting === undefined) {
        posting = { rows: [], counts: [] }
        this.#byTerm.set(term, posting)
      }
      posting.rows.push(row)
      posting.counts.push(count)
      this.#postingCount++
    }
    this.#lengths[row] = terms.length
    this.#lengthTotal += terms.length
    this.#rowCount++
  }

  /** `terms` are those that the row was added with. */
  remove(row: number, terms: readonly string[]): void {
    for (const term of new Set(terms)) {
      const posting = this.#byTerm.get(term)
      const at = posting?.rows.lastIndexOf(row) ?? -1
      if (posting === undefined || at < 0) continue
      moveLastTo(at, posting.rows)
      moveLastTo(at, posting.counts)
      this.#postingCount--
      if (posting.rows.length === 0) this.#byTerm.delete(term)
    }
    this.#lengthTotal -= terms.length
    this.#rowCount--
  }

  /**
   * BM25 as Lucene has it, without its rounding of lengths: the sum over the query's terms of
   * ln(1 + (N − df + ½)/(df + ½)) · tf / (tf + k1·(1 − b + b·length/average)). By row; 0 where no term is.
   */
  async score(
    terms: readonly string[],
    rows: number,
    { k1, b }: Bm25,
    signal: AbortSignal,
  ): Promise<Float64Array> {
    const scores = new Float64Array(rows)
    const flat = k1 * (1 - b)
    const perTerm = (k1 * b * this.#rowCount) / Math.max(1, this.#lengthTotal)
    const rowCount = this.#rowCount
    for (const [term, repeats] of countsOf(terms)) {
      const posting = this.#toScan(term)
      const df = posting.rows.length
      const weight = repeats * Math.log(1 + (rowCount - df + 0.5) / (df + 0.5))
      for (let from = 0; from < df; from += POSTINGS_PER_CHECK) {
        const to = Math.min(df, from + POSTINGS_PER_CHECK)
        this.#accumulate(scores, posting, from, to, weight, flat, perTerm)
        if (isTurnOver()) await nextTurn(signal)
      }
    }
    return scores
  }

  /** A copy where the scan may pause, so that removals in between can neither repeat nor hide a row. */
  #toScan(term: string): Posting {
    const { rows, counts } = this.#byTerm.get(term) ?? NOWHERE
    return rows.length <= POSTINGS_PER_CHECK
      ? { rows, counts }
      : { rows: rows.slice(), counts: counts.slice() }
  }

  /** Rows beyond `scores` were written after the search began. */
  #accumulate(
    scores: Float64Array,
    { rows, counts }: Posting,
    from: number,
    to: number,
    weight: number,
    flat: number,
    perTerm: number,
  ): void {
    const lengths = this.#lengths
    for (let i = from; i < to; i++) {
      const row = rows[i] as number
      const count = counts[i] as number
      const length = lengths[row] as number
      scores[row] = (scores[row] as number) + (weight * count) / (count + flat + perTerm * length)
    }
  }
}

function countsOf(terms: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1)
  return counts
}

function moveLastTo(at: number, numbers: number[]): void {
  const last = numbers.pop()
  if (at < numbers.length && last !== undefined) numbers[at] = last
}
