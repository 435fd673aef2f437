/** Text to terms. The same analyzer serves indexing and querying of one collection. */
export interface Analyzer {
  readonly name: string
  /** Rises whenever some text gets other terms: what an older one indexed is indexed again. */
  readonly revision: number
  /** Terms in order of occurrence, repeats kept; stop words are absent. */
  terms(text: string): string[]
  /** The same terms one by one, for those who count many texts. */
  eachTerm(text: string, visit: VisitTerm): void
  /** Terms with their word positions, stop words leaving gaps, for phrases and proximity. */
  positions(text: string): readonly TermPosition[]
}

/** Hints are below this. */
export const TERM_HINTS = 2 ** 15
export const NO_HINT = -1

/** The same term mostly comes with the same hint, by which what is known of it may be kept, or with none. */
export type VisitTerm = (term: string, hint: number) => void

export interface TermPosition {
  readonly term: string
  readonly position: number
}
