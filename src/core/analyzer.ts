/** Text to terms. The same analyzer serves indexing and querying of one collection. */
export interface Analyzer {
  readonly name: string
  /** Rises whenever some text gets other terms: what an older one indexed is indexed again. */
  readonly revision: number
  /** Terms in order of occurrence, repeats kept; stop words are absent. */
  terms(text: string): string[]
  /** Terms with their word positions, stop words leaving gaps, for phrases and proximity. */
  positions(text: string): readonly TermPosition[]
}

export interface TermPosition {
  readonly term: string
  readonly position: number
}
