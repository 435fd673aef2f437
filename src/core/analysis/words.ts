import { plainForms } from './fold.ts'
import { TextUnits } from './text-units.ts'
import { BEYOND, eachStretch, unitKinds } from './unit-kinds.ts'
import { IN_WORDS, WORD, WORD_LETTER } from './word-pattern.ts'

const LETTER = 1
const DIGIT = 2
const UNDERSCORE = 4
const JOINS_LETTERS = 8
const JOINS_DIGITS = 16

const KINDS = unitKinds(
  [
    ['abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ', LETTER],
    ['0123456789', DIGIT],
    ['_', UNDERSCORE],
    [':', JOINS_LETTERS],
    [',;', JOINS_DIGITS],
    [".'", JOINS_LETTERS | JOINS_DIGITS],
  ],
  (character) => {
    const plain = plainForms(character)
    if (plain === character && WORD_LETTER.test(character)) return LETTER
    return (plain === character || plain === ' ') && !IN_WORDS.test(character) ? 0 : BEYOND
  },
)
const IN_WORD = LETTER | DIGIT | UNDERSCORE

/** No word of a shorter stretch is cut, and none has too many joints. */
const PLAIN_MAX = 128

/** Such as a line to write on. */
const ONLY_JOINERS = /^\p{Pc}+$/u

/** Called for each word, which is what the text has from `from` to `to`. */
type Visit = (source: TextUnits, from: number, to: number) => void

const whole = new TextUnits()
const part = new TextUnits()

/**
 * The words of a text's plain form as `WORD` finds them, but quicker. What stands between two characters that are in no
 * word is left to the pattern where it has marks or other scripts, or is long. Forms are made plain only there, which
 * joins no word with what stands around.
 */
export function eachWord(text: string, visit: Visit): void {
  whole.read(text)
  eachStretch(KINDS, whole, PLAIN_MAX, (from, to, kinds) => {
    if (kinds === BEYOND)
      for (const word of plainForms(text.slice(from, to)).match(WORD) ?? []) {
        part.read(word)
        visitWord(part, 0, word.length, visit)
      }
    else if (kinds === LETTER) visit(whole, from, to)
    else visitPlain(from, to, visit)
  })
}

function visitWord(source: TextUnits, from: number, to: number, visit: Visit): void {
  const kind = kindAt(source, from)
  if (kind === LETTER || kind === DIGIT || !ONLY_JOINERS.test(source.text.slice(from, to)))
    visit(source, from, to)
}

function visitPlain(from: number, to: number, visit: Visit): void {
  for (let at = from; at < to; ) {
    const end = wordEnd(at)
    if (end > at) visitWord(whole, at, end, visit)
    at = Math.max(end, at + 1)
  }
}

/** Of a word in a plain stretch; the same place where none begins. */
function wordEnd(from: number): number {
  let at = from
  while (goesOn(at, at > from)) at++
  return at
}

function goesOn(at: number, inWord: boolean): boolean {
  const kind = kindAt(whole, at)
  if (kind === 0 || (kind & IN_WORD) !== 0) return kind !== 0
  if (!inWord) return false
  const before = kindAt(whole, at - 1)
  if (before !== kindAt(whole, at + 1)) return false
  return before === LETTER
    ? (kind & JOINS_LETTERS) !== 0
    : before === DIGIT && (kind & JOINS_DIGITS) !== 0
}

function kindAt({ units }: TextUnits, at: number): number {
  return KINDS[units[at] as number] as number
}
