/** Longer words are made into terms each time; seven bits a character, four characters a number. */
const LENGTH_MAX = 12
const NUMBERS = 3
const SLOT_BITS = 15
const NOT_ASCII = -1

/** Makes the term of the word that a text has from `from` to `to`. */
export type TermAt = (text: string, from: number, to: number) => string

/**
 * Remembers what was made of short words in ASCII, of which a text has few that others have not: each in the one slot
 * that its characters name, until another word takes it.
 */
export function rememberTerms(termOf: (word: string) => string): TermAt {
  const slots = 1 << SLOT_BITS
  const words = new Int32Array(slots * NUMBERS)
  const terms = new Array<string>(slots).fill('')
  return (text, from, to) => {
    if (to - from > LENGTH_MAX) return termOf(text.slice(from, to))
    const first = packed(text, from, to)
    const second = packed(text, from + 4, to)
    const third = packed(text, from + 8, to)
    if ((first | second | third) < 0) return termOf(text.slice(from, to))
    const slot = slotOf(first, second, third)
    const at = slot * NUMBERS
    if (words[at] !== first || words[at + 1] !== second || words[at + 2] !== third) {
      terms[slot] = termOf(text.slice(from, to))
      words[at] = first
      words[at + 1] = second
      words[at + 2] = third
    }
    return terms[slot] as string
  }
}

/** Four characters, with zeros behind the last; negative where one is beyond ASCII. */
function packed(text: string, from: number, to: number): number {
  const end = Math.min(to, from + 4)
  let number = 0
  for (let at = from; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code > 0x7f) return NOT_ASCII
    number |= code << (7 * (at - from))
  }
  return number
}

function slotOf(first: number, second: number, third: number): number {
  let hash = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca77)
  hash = Math.imul(hash ^ (hash >>> 15) ^ third, 0xc2b2ae3d)
  return (hash ^ (hash >>> 15)) & ((1 << SLOT_BITS) - 1)
}
