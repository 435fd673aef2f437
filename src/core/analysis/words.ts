import { asciiKinds, kindAt, patternEnd, plainEnd } from './ascii-kinds.ts'
import { WORD } from './word-pattern.ts'

const LETTER = 1
const DIGIT = 2
const UNDERSCORE = 3
const JOINS_LETTERS = 4
const JOINS_DIGITS = 5
const JOINS_BOTH = 6

const KINDS = asciiKinds([
  ['abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ', LETTER],
  ['0123456789', DIGIT],
  ['_', UNDERSCORE],
  [':', JOINS_LETTERS],
  [',;', JOINS_DIGITS],
  [".'", JOINS_BOTH],
])

/** No word of a shorter stretch is cut, and none has too many joints. */
const PLAIN_MAX = 128

/** Such as a line to write on. */
const ONLY_JOINERS = /^\p{Pc}+$/u

/**
 * The words of a text as `WORD` finds them, but quicker. What stands between two ASCII characters that are in no word
 * is left to the pattern where it has characters beyond ASCII or is long.
 */
export function wordsOf(text: string): readonly string[] {
  const words: string[] = []
  for (let at = 0; at < text.length; ) {
    if (kindAt(KINDS, text, at) === 0) at++
    else at = addStretch(text, at, words)
  }
  return words
}

/** Answers where it ends. */
function addStretch(text: string, from: number, words: string[]): number {
  const plain = plainEnd(KINDS, text, from, PLAIN_MAX)
  if (plain === -1) {
    const end = patternEnd(KINDS, text, from)
    for (const word of text.slice(from, end).match(WORD) ?? []) addWord(word, words)
    return end
  }
  for (let at = from; at < plain; ) {
    const end = wordEnd(text, at)
    if (end > at) addWord(text.slice(at, end), words)
    at = Math.max(end, at + 1)
  }
  return plain
}

function addWord(word: string, words: string[]): void {
  const kind = kindAt(KINDS, word, 0)
  if (kind === LETTER || kind === DIGIT || !ONLY_JOINERS.test(word)) words.push(word)
}

/** Of a word in a plain stretch; the same place where none begins. */
function wordEnd(text: string, from: number): number {
  let at = from
  while (goesOn(text, at, at > from)) at++
  return at
}

function goesOn(text: string, at: number, inWord: boolean): boolean {
  const kind = kindAt(KINDS, text, at) as number
  if (kind <= UNDERSCORE) return kind !== 0
  if (!inWord) return false
  const before = kindAt(KINDS, text, at - 1)
  const after = kindAt(KINDS, text, at + 1)
  if (before !== after) return false
  return before === LETTER ? kind !== JOINS_DIGITS : before === DIGIT && kind !== JOINS_LETTERS
}
