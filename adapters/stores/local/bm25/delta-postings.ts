import { isTurnOver, nextTurn } from '../../../../src/core/turns.ts'
import { hasRow } from '../bitmap.ts'
import { type Found, NOTHING_FOUND } from '../found.ts'
import { TopK } from '../top-k.ts'
import { bestFirst } from './best-first.ts'
import { type Bm25, keptNorms, lengthByte, termScore } from './formula.ts'
import type { LexicalSearch, SegmentPostings, WeightedTerm } from './segment-postings.ts'
import type { WeightedTerms } from './weighted-terms.ts'

const ROWS_PER_CHECK = 4_096

/**
 * The inverted index of a delta: rows come one after another and may leave again. Its counts are those of the rows in
 * it; its scores are those of a segment to the last bit.
 */
export interface DeltaPostings extends SegmentPostings {
  /** About what V8 takes. */
  readonly bytes: number
  /** The row must be above all before it. */
  add(row: number, found: WeightedTerms): void
  /** Removing a row that is not there does nothing. */
  remove(row: number): void
}

export function createDeltaPostings(bm25: Bm25): DeltaPostings {
  return new GrowingPostings(bm25)
}

/** The rows that a term is in, in order, and its frequency in each. */
interface Posting {
  readonly term: string
  readonly rows: number[]
  readonly frequencies: number[]
}

interface Row {
  readonly postings: readonly Posting[]
  readonly length: number
}

class GrowingPostings implements DeltaPostings {
  readonly #normsAt: (averageLength: number) => Float64Array
  readonly #byTerm = new Map<string, Posting>()
  /** Undefined where the row has left. */
  readonly #rows: (Row | undefined)[] = []
  readonly #lengthBytes: number[] = []
  #lengthTotal = 0
  #postingCount = 0

  constructor(bm25: Bm25) {
    this.#normsAt = keptNorms(bm25)
  }

  get lengthTotal(): number {
    return this.#lengthTotal
  }

  /** Three numbers a posting, a map entry and two arrays a term, an object and an array a row. */
  get bytes(): number {
    return this.#postingCount * 24 + this.#byTerm.size * 250 + this.#rows.length * 100
  }

  documentFrequency(term: string): number {
    return this.#byTerm.get(term)?.rows.length ?? 0
  }

  add(row: number, { terms, length }: WeightedTerms): void {
    const postings: Posting[] = []
    for (const [term, frequency] of terms) {
      const posting = this.#postingOf(term)
      posting.rows.push(row)
      posting.frequencies.push(frequency)
      postings.push(posting)
    }
    this.#rows[row] = { postings, length }
    this.#lengthBytes[row] = lengthByte(length)
    this.#lengthTotal += length
    this.#postingCount += postings.length
  }

  remove(row: number): void {
    const known = this.#rows[row]
    if (known === undefined) return
    this.#rows[row] = undefined
    for (const { term, rows, frequencies } of known.postings) {
      const at = placeOf(row, rows)
      rows.splice(at, 1)
      frequencies.splice(at, 1)
      if (rows.length === 0) this.#byTerm.delete(term)
    }
    this.#lengthTotal -= known.length
    this.#postingCount -= known.postings.length
  }

  /** Finds rows that were there when it began; one that leaves meanwhile may be found, with part of its score. */
  async search(search: LexicalSearch, signal: AbortSignal): Promise<Found> {
    const { allowed, allowedCount, isBefore } = search
    const k = Math.min(search.k, allowedCount)
    if (k <= 0) return NOTHING_FOUND
    const scores = new Float64Array(allowed === null ? allowedCount : this.#lengthBytes.length)
    const norms = this.#normsAt(search.averageLength)
    for (const term of search.terms) {
      this.#addScores(term, norms, scores)
      if (isTurnOver()) await nextTurn(signal)
    }
    const top = new TopK(k, isBefore)
    for (let from = 0; from < scores.length; from += ROWS_PER_CHECK) {
      offer(scores, from, search, top)
      if (isTurnOver()) await nextTurn(signal)
    }
    return bestFirst(top, isBefore)
  }

  #postingOf(term: string): Posting {
    const known = this.#byTerm.get(term)
    if (known !== undefined) return known
    const posting = { term, rows: [], frequencies: [] }
    this.#byTerm.set(term, posting)
    return posting
  }

  /** In one go, since the postings may be others after a pause. */
  #addScores({ term, weight }: WeightedTerm, norms: Float64Array, scores: Float64Array): void {
    const posting = this.#byTerm.get(term)
    if (posting === undefined) return
    const { rows, frequencies } = posting
    const lengthBytes = this.#lengthBytes
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as number
      // This and the rest was added after the search began.
      if (row >= scores.length) return
      const norm = norms[lengthBytes[row] as number] as number
      const score = termScore(weight, frequencies[i] as number, norm)
      scores[row] = (scores[row] as number) + score
    }
  }
}

function offer(
  scores: Float64Array,
  from: number,
  { allowed, floor }: LexicalSearch,
  top: TopK,
): void {
  const to = Math.min(scores.length, from + ROWS_PER_CHECK)
  for (let row = from; row < to; row++) {
    const score = scores[row] as number
    if (score > 0 && score >= floor && (allowed === null || hasRow(allowed, row)))
      top.add(score, row)
  }
}

/** Where the row is in a sorted list that holds it. */
function placeOf(row: number, rows: readonly number[]): number {
  let low = 0
  let high = rows.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((rows[middle] as number) < row) low = middle + 1
    else high = middle
  }
  return low
}
