import { NO_HINT, TERM_HINTS } from '../../../../src/core/analyzer.ts'
import { GrowingTermTable } from './term-table.ts'

/** By hint the term that came with it last, the table that was asked, and its number there. */
const terms = new Array<string>(TERM_HINTS).fill('')
const owners = new Uint32Array(TERM_HINTS)
const numbers = new Uint32Array(TERM_HINTS)
let lastOwner = 0

/** Numbers terms as a table does, which most are not looked up in: all share what is known of the last ones. */
export class HintedTerms {
  readonly table: GrowingTermTable = new GrowingTermTable()
  readonly #owner = ++lastOwner

  idOf(term: string, hint: number): number {
    if (hint === NO_HINT) return this.table.idOf(term)
    if (owners[hint] === this.#owner && terms[hint] === term) return numbers[hint] as number
    const number = this.table.idOf(term)
    terms[hint] = term
    owners[hint] = this.#owner
    numbers[hint] = number
    return number
  }
}
