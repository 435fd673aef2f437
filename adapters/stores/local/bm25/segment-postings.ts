import type { Found, RowSearch } from '../found.ts'

/** The postings of a segment number their terms from 0, so that others can keep a count for each. */
export interface NumberedPostings extends SegmentPostings {
  readonly termCount: number
  /** -1 where the segment does not know the term. */
  termNumber(term: string): number
}

/** One term of a query: idf over the whole shard times how often the query says it. Above 0. */
export interface WeightedTerm {
  readonly term: string
  readonly weight: number
}

export interface LexicalSearch extends RowSearch {
  readonly terms: readonly WeightedTerm[]
  /** Of the whole shard: total length divided by live rows. */
  readonly averageLength: number
}

/**
 * The inverted index of one segment. Scores are Lucene's BM25: the sum over the terms, in the query's order and in
 * double precision, of weight · tf / (tf + k1·(1 − b + b·length/average)), lengths rounded as Lucene stores them.
 * Rows that have none of the terms are not found.
 */
export interface SegmentPostings {
  /** Of all rows, deleted ones too: the shard subtracts what they took. */
  readonly lengthTotal: number
  /** In how many rows the term is, deleted ones too. */
  documentFrequency(term: string): number
  search(search: LexicalSearch, signal: AbortSignal): Promise<Found>
}
