import { type Analyzer, NO_HINT, type TermPosition } from '../analyzer.ts'

/** Called for each term, in order; the position of a word counts stop words too. The hint is a `VisitTerm`'s. */
export type Emit = (term: string, position: number, hint?: number) => void

/** Longest term kept, in UTF-16 units as Lucene counts; what is longer is cut, so that blobs fill no dictionary. */
export const TERM_LENGTH_MAX = 255

/** Makes both readings of a text from one scan of it. */
export function analyzerOf(
  name: string,
  revision: number,
  scan: (text: string, emit: Emit) => unknown,
): Analyzer {
  return {
    name,
    revision,
    terms: (text) => {
      const terms: string[] = []
      scan(text, (term) => {
        if (term !== '') terms.push(term)
      })
      return terms
    },
    eachTerm: (text, visit) => {
      scan(text, (term, _, hint = NO_HINT) => {
        if (term !== '') visit(term, hint)
      })
    },
    positions: (text) => {
      const positions: TermPosition[] = []
      scan(text, (term, position) => {
        if (term !== '') positions.push({ term, position })
      })
      return positions
    },
  }
}
