import type { Analyzer } from '../../../../src/core/analyzer.ts'
import type { LexicalSpec } from '../../../../src/core/vector-store.ts'
import type { Blocks } from '../blocks.ts'
import { FIRST_TERM, type RowTerms, TERM_WORDS, TermCounter } from './count-terms.ts'
import { lengthByte } from './formula.ts'
import { invert } from './invert.ts'
import { toBlocks } from './postings-blocks.ts'
import type { TermBytes } from './term-table.ts'
import { type Searched, unitOf } from './weighted-terms.ts'

/** Rows whose terms were counted, in their final order; each may be read several times. */
export interface CountedRows {
  readonly count: number
  /** Also of terms that are in none of the rows. */
  readonly terms: TermBytes
  termsOf(row: number): RowTerms
}

/** Makes the postings of a segment. */
export function buildPostings(rows: CountedRows, spec: LexicalSpec): Blocks {
  const unit = unitOf(spec)
  const frequencies = new Uint32Array(rows.terms.starts.length - 1)
  const lengths = new Uint8Array(rows.count)
  let count = 0
  let units = 0
  for (let row = 0; row < rows.count; row++) {
    const terms = rows.termsOf(row)
    const length = terms[0] as number
    units += length
    lengths[row] = lengthByte(length * unit)
    for (let at = FIRST_TERM; at < terms.length; at += TERM_WORDS) {
      const term = terms[at] as number
      frequencies[term] = (frequencies[term] as number) + 1
      count += 1
    }
  }
  return toBlocks(
    invert({
      log: { count, drain: (take) => drain(rows, take) },
      terms: rows.terms,
      frequencies,
      lengths,
      lengthTotal: units * unit,
      unit,
      bm25: spec,
    }),
  )
}

function drain(rows: CountedRows, take: (row: number, term: number, units: number) => void): void {
  for (let row = 0; row < rows.count; row++) {
    const terms = rows.termsOf(row)
    for (let at = FIRST_TERM; at < terms.length; at += TERM_WORDS)
      take(row, terms[at] as number, terms[at + 1] as number)
  }
}

export interface PostingsBuilder {
  /** Chunks come in the order of their rows, from row 0. */
  add(chunk: Searched): void
  /** To be called once; nothing may be added afterwards. */
  finish(): Blocks
}

/** Makes the postings of rows that nobody has counted yet. */
export function createPostingsBuilder(spec: LexicalSpec, analyzer: Analyzer): PostingsBuilder {
  const counter = new TermCounter(spec, analyzer)
  const rows: RowTerms[] = []
  return {
    add: (chunk) => {
      rows.push(counter.count(chunk).slice())
    },
    finish: () => {
      const terms = counter.terms.termBytes()
      const termsOf = (row: number): RowTerms => rows[row] as RowTerms
      return buildPostings({ count: rows.length, terms, termsOf }, spec)
    },
  }
}
