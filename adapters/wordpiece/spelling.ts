import {
  DECOMPOSED,
  DROPPED,
  IDEOGRAPHS,
  LOWERCASE,
  MARKS,
  PUNCTUATION,
  SPACES,
} from './characters.ts'

export interface Casing {
  /** Spells every word in lower case, character by character. */
  readonly lowercase: boolean
  /** Takes accents off: NFD without the marks. */
  readonly stripAccents: boolean
}

/** Class of a code point that is part of a word, or vanishes within one. */
export const IN_WORD = 0
/** Class of what separates words. */
export const SPACE = 1
/** Class of what is a word by itself: punctuation, CJK ideographs. */
const ALONE = 2

/** What words are made of under one casing. */
export interface Spelling {
  /** Class by code point. A surrogate is `IN_WORD`; a lone one vanishes. */
  readonly classes: Uint8Array
  /** The code point as words have it; '' for one that vanishes. */
  spell(codePoint: number): string
}

const CODE_POINTS = 0x110000
const DOTTED_CAPITAL_I = 0x130

/**
 * Nothing here asks the runtime for a character's properties: its Unicode tables, and with them the tokens, would change
 * with the version of Node. Its NFD serves only characters that had their decomposition before any version that runs
 * this, which Unicode never changes.
 */
export function openSpelling({ lowercase, stripAccents }: Casing): Spelling {
  const dropped = setOf(DROPPED)
  const marks = setOf(stripAccents ? MARKS : '')
  const decomposed = setOf(stripAccents ? DECOMPOSED : '')
  const punctuation = setOf(PUNCTUATION)
  const shifts = lowercase ? lowercaseShifts() : new Map<number, number>()

  const spellPart = (part: string): string => {
    const codePoint = part.codePointAt(0) ?? 0
    if (marks[codePoint] === 1) return ''
    if (lowercase && codePoint === DOTTED_CAPITAL_I) return 'i\u0307'
    const shift = shifts.get(codePoint)
    return shift === undefined ? part : String.fromCodePoint(codePoint + shift)
  }
  const spell = (codePoint: number): string => {
    if (dropped[codePoint] === 1 || isSurrogate(codePoint)) return ''
    const text = String.fromCodePoint(codePoint)
    const decomposes = decomposed[codePoint] === 1 || (stripAccents && isHangul(codePoint))
    if (!decomposes) return spellPart(text)
    return Array.from(text.normalize('NFD'), spellPart).join('')
  }

  const classes = new Uint8Array(CODE_POINTS)
  mark(classes, PUNCTUATION, ALONE)
  mark(classes, IDEOGRAPHS, ALONE)
  mark(classes, SPACES, SPACE)
  for (const [start, end] of stripAccents ? runsOf(DECOMPOSED) : [])
    for (let codePoint = start; codePoint < end; codePoint += 1)
      if (punctuation[spell(codePoint).codePointAt(0) ?? 0] === 1) classes[codePoint] = ALONE
  return { classes, spell }
}

function isSurrogate(codePoint: number): boolean {
  return codePoint >= 0xd800 && codePoint < 0xe000
}

function isHangul(codePoint: number): boolean {
  return codePoint >= 0xac00 && codePoint < 0xd7a4
}

function setOf(packed: string): Uint8Array {
  return mark(new Uint8Array(CODE_POINTS), packed, 1)
}

function mark(marked: Uint8Array, packed: string, value: number): Uint8Array {
  for (const [start, end] of runsOf(packed)) marked.fill(value, start, end)
  return marked
}

/** Unpacks runs of code points: the distance from the end of the run before, then the length where it is not 1. */
function runsOf(packed: string): [start: number, end: number][] {
  const runs: [number, number][] = []
  let end = 0
  for (const run of packed === '' ? [] : packed.split(' ')) {
    const [gap = 0, count = 1] = numbersOf(run)
    const start = end + gap
    end = start + count
    runs.push([start, end])
  }
  return runs
}

function lowercaseShifts(): Map<number, number> {
  const shifts = new Map<number, number>()
  for (const run of LOWERCASE.split(' ')) {
    const [start = 0, count = 0, step = 1, shift = 0] = numbersOf(run)
    for (let i = 0; i < count; i += 1) shifts.set(start + i * step, shift)
  }
  return shifts
}

function numbersOf(run: string): number[] {
  return run.split(':').map((digits) => Number.parseInt(digits, 36))
}
