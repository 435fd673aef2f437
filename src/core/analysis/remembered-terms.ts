import { NO_HINT, TERM_HINTS } from '../analyzer.ts'
import type { TextUnits } from './text-units.ts'

/** Longer words are made into terms each time; seven bits a character, four characters a number. */
const LENGTH_MAX = 12
const NUMBERS = 3
const NOT_ASCII = -1

/**
 * Remembers what was made of short words in ASCII, of which a text has few that others have not: each in the one slot
 * that its characters name, until another word takes it.
 */
export class RememberedTerms {
  readonly #termOf: (word: string) => string
  readonly #words = new Int32Array(TERM_HINTS * NUMBERS)
  readonly #terms = new Array<string>(TERM_HINTS).fill('')
  #hint = NO_HINT

  constructor(termOf: (word: string) => string) {
    this.#termOf = termOf
  }

  /** Of the term that was made last. */
  get hint(): number {
    return this.#hint
  }

  /** Makes the term of the word that a text has from `from` to `to`. */
  termAt({ units, text }: TextUnits, from: number, to: number): string {
    this.#hint = NO_HINT
    if (to - from > LENGTH_MAX) return this.#termOf(text.slice(from, to))
    const first = packed(units, from, to)
    const second = packed(units, from + 4, to)
    const third = packed(units, from + 8, to)
    if ((first | second | third) < 0) return this.#termOf(text.slice(from, to))
    const slot = slotOf(first, second, third)
    const at = slot * NUMBERS
    const words = this.#words
    if (words[at] !== first || words[at + 1] !== second || words[at + 2] !== third) {
      this.#terms[slot] = this.#termOf(text.slice(from, to))
      words[at] = first
      words[at + 1] = second
      words[at + 2] = third
    }
    this.#hint = slot
    return this.#terms[slot] as string
  }
}

/** Four characters, with zeros behind the last; negative where one is beyond ASCII. */
function packed(units: Uint16Array, from: number, to: number): number {
  const end = Math.min(to, from + 4)
  let number = 0
  for (let at = from; at < end; at++) {
    const unit = units[at] as number
    if (unit > 0x7f) return NOT_ASCII
    number |= unit << (7 * (at - from))
  }
  return number
}

function slotOf(first: number, second: number, third: number): number {
  let hash = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca77)
  hash = Math.imul(hash ^ (hash >>> 15) ^ third, 0xc2b2ae3d)
  return (hash ^ (hash >>> 15)) & (TERM_HINTS - 1)
}
