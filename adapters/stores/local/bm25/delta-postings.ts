import type { Analyzer } from '../../../../src/core/analyzer.ts'
import { isTurnOver, nextTurn } from '../../../../src/core/turns.ts'
import type { LexicalSpec } from '../../../../src/core/vector-store.ts'
import { hasRow } from '../bitmap.ts'
import { type Found, NOTHING_FOUND } from '../found.ts'
import { TopK } from '../top-k.ts'
import { bestFirst } from './best-first.ts'
import { FIRST_TERM, type RowTerms, TERM_WORDS, TermCounter } from './count-terms.ts'
import { keptNorms, lengthByte, termScore } from './formula.ts'
import { withRoom } from './growing.ts'
import { POSTING_WORDS, PostingLists } from './posting-lists.ts'
import type { LexicalSearch, SegmentPostings, WeightedTerm } from './segment-postings.ts'
import type { TermBytes } from './term-table.ts'
import { type Searched, unitOf } from './weighted-terms.ts'

const ROWS_PER_CHECK = 4_096

/**
 * The inverted index of a delta: rows come one after another and may leave again. Its counts are those of the rows in
 * it; its scores are those of a segment to the last bit. A search must leave out the rows that have left.
 */
export class DeltaPostings implements SegmentPostings {
  readonly #counter: TermCounter
  readonly #unit: number
  readonly #normsAt: (averageLength: number) => Float64Array
  readonly #lists = new PostingLists()
  /** By row, as `lengthByte` has them. */
  #lengths: Uint8Array = new Uint8Array()
  #end = 0
  #lengthUnits = 0

  constructor(spec: LexicalSpec, analyzer: Analyzer) {
    this.#counter = new TermCounter(spec, analyzer)
    this.#unit = unitOf(spec)
    this.#normsAt = keptNorms(spec)
  }

  get lengthTotal(): number {
    return this.#lengthUnits * this.#unit
  }

  get bytes(): number {
    return this.#counter.bytes + this.#lists.bytes + this.#lengths.byteLength
  }

  /** The terms by their numbers. */
  get terms(): TermBytes {
    return this.#counter.terms.termBytes()
  }

  documentFrequency(term: string): number {
    const number = this.#counter.terms.find(term)
    return number === -1 ? 0 : this.#lists.liveCount(number)
  }

  /** What `add` takes, valid until the next call; adds nothing by itself. */
  count(chunk: Searched): RowTerms {
    return this.#counter.count(chunk)
  }

  /** The row must be the one after the last that came. Where this throws, nothing was added. */
  add(row: number, terms: RowTerms): void {
    this.#makeRoom(row, terms)
    const length = terms[0] as number
    this.#lengths[row] = lengthByte(length * this.#unit)
    this.#lengthUnits += length
    for (let at = FIRST_TERM; at < terms.length; at += TERM_WORDS)
      this.#lists.push(terms[at] as number, row, terms[at + 1] as number)
    this.#end = row + 1
  }

  /** Of a row that leaves, what was added. */
  remove(terms: RowTerms): void {
    this.#lengthUnits -= terms[0] as number
    for (let at = FIRST_TERM; at < terms.length; at += TERM_WORDS)
      this.#lists.leave(terms[at] as number)
  }

  async search(search: LexicalSearch, signal: AbortSignal): Promise<Found> {
    const { allowed, allowedCount, isBefore } = search
    const k = Math.min(search.k, allowedCount)
    if (k <= 0) return NOTHING_FOUND
    const scores = new Float64Array(allowed === null ? allowedCount : this.#end)
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

  #makeRoom(row: number, terms: RowTerms): void {
    this.#lengths = withRoom(this.#lengths, row + 1)
    let end = 0
    let words = 0
    for (let at = FIRST_TERM; at < terms.length; at += TERM_WORDS) {
      const list = terms[at] as number
      end = Math.max(end, list + 1)
      words += this.#lists.wordsFor(list)
    }
    this.#lists.makeRoom(end, words)
  }

  #addScores({ term, weight }: WeightedTerm, norms: Float64Array, scores: Float64Array): void {
    const number = this.#counter.terms.find(term)
    if (number === -1) return
    const postings = this.#lists.read(number)
    const lengths = this.#lengths
    const unit = this.#unit
    for (let at = 0; at < postings.length; at += POSTING_WORDS) {
      const row = postings[at] as number
      // This and the rest was added after the search began.
      if (row >= scores.length) return
      const norm = norms[lengths[row] as number] as number
      const score = termScore(weight, (postings[at + 1] as number) * unit, norm)
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
