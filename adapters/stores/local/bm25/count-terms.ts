import type { Analyzer, VisitTerm } from '../../../../src/core/analyzer.ts'
import type { LexicalSpec } from '../../../../src/core/vector-store.ts'
import { withRoom } from './growing.ts'
import { HintedTerms } from './hinted-terms.ts'
import type { GrowingTermTable } from './term-table.ts'
import { eachField, type Searched, unitOf } from './weighted-terms.ts'

/**
 * What a row is found by, as words: its length, and then of each of its terms the number and the frequency. Lengths and
 * frequencies are in units of `unitOf`.
 */
export type RowTerms = Uint32Array

/** Where a row's first term is, behind its length. */
export const FIRST_TERM = 1
/** Words of a term in a row: its number, its frequency. */
export const TERM_WORDS = 2

/** Counts the terms of rows, numbering them as they come. */
export class TermCounter {
  readonly #terms = new HintedTerms()
  readonly #spec: LexicalSpec
  readonly #analyzer: Analyzer
  readonly #unit: number
  #row: RowTerms = new Uint32Array(FIRST_TERM)
  #end = FIRST_TERM
  /** What a term of the field counts that is being read. */
  #units = 1
  /** By term, its place in the last row that had it: one of the row that is being counted only if the term is there. */
  #placeOf: Uint32Array = new Uint32Array()

  constructor(spec: LexicalSpec, analyzer: Analyzer) {
    this.#spec = spec
    this.#analyzer = analyzer
    this.#unit = unitOf(spec)
  }

  get terms(): GrowingTermTable {
    return this.#terms.table
  }

  get bytes(): number {
    return this.terms.byteLength + this.#row.byteLength + this.#placeOf.byteLength
  }

  /** What is answered is valid until the next call. */
  count(chunk: Searched): RowTerms {
    this.#end = FIRST_TERM
    this.#row[0] = 0
    eachField(chunk, this.#spec, this.#countField)
    return this.#row.subarray(0, this.#end)
  }

  readonly #countField = (text: string, boost: number): void => {
    this.#units = boost / this.#unit
    this.#analyzer.eachTerm(text, this.#countTerm)
  }

  readonly #countTerm: VisitTerm = (term, hint) => {
    const id = this.#terms.idOf(term, hint)
    this.#row[0] = (this.#row[0] as number) + this.#units
    this.#placeOf = withRoom(this.#placeOf, id + 1)
    const known = this.#placeOf[id] as number
    if (known >= FIRST_TERM && known < this.#end && this.#row[known] === id)
      this.#row[known + 1] = (this.#row[known + 1] as number) + this.#units
    else this.#append(id)
  }

  #append(id: number): void {
    const at = this.#end
    this.#end += TERM_WORDS
    this.#row = withRoom(this.#row, this.#end)
    this.#row[at] = id
    this.#row[at + 1] = this.#units
    this.#placeOf[id] = at
  }
}
