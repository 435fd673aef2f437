import type { Emit } from './analyzer-of.ts'
import { foldText } from './fold.ts'
import { RememberedTerms } from './remembered-terms.ts'
import { TextUnits } from './text-units.ts'
import { BEYOND, eachStretch, unitKinds } from './unit-kinds.ts'

const CJK = String.raw`[[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}]&&[\p{L}\p{M}]]`
const SPACELESS = String.raw`[[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]&&[\p{L}\p{M}]]`
const RUN_MAX = 255
const RUN = new RegExp(
  `(${CJK}{1,4096})|(${SPACELESS}{1,4096})|[[\\p{L}\\p{M}\\p{N}]--${CJK}--${SPACELESS}]{1,${RUN_MAX}}`,
  'gv',
)

const ANY_RUN = /[\p{L}\p{M}\p{N}]/u
const WITHOUT_SPACES = new RegExp(`${CJK}|${SPACELESS}`, 'v')

/** Of text that was folded. */
const IN_RUN = unitKinds([['abcdefghijklmnopqrstuvwxyz0123456789', 1]], (character) => {
  if (WITHOUT_SPACES.test(character)) return BEYOND
  return ANY_RUN.test(character) ? 1 : 0
})

const source = new TextUnits()
const runs = new RememberedTerms(withoutFinalS)

/** Whether a text has letters of a script that does not part its words. */
export function hasSpacelessScript(text: string): boolean {
  return WITHOUT_SPACES.test(text)
}

/**
 * For text in any language: runs of letters, marks and digits, folded, without a final s, else not stemmed. Scripts
 * written without spaces become overlapping n-grams: pairs for Chinese, Japanese and Korean, triples for Thai, Lao, Khmer
 * and Burmese. Gives the position after the last.
 */
export function scanUnicode(text: string, emit: Emit, from = 0): number {
  const folded = foldText(text)
  let position = from
  source.read(folded)
  eachStretch(IN_RUN, source, RUN_MAX, (start, end, kinds) => {
    if (kinds === BEYOND) position = scanByPattern(folded.slice(start, end), emit, position)
    else emit(runs.termAt(source, start, end), position++, runs.hint)
  })
  return position
}

/** In any script, where the above knows but some and is quicker. */
function scanByPattern(folded: string, emit: Emit, from: number): number {
  let position = from
  for (const [run, cjk, spaceless] of folded.matchAll(RUN)) {
    if (cjk !== undefined) position = grams(cjk, 2, position, emit)
    else if (spaceless !== undefined) position = grams(spaceless, 3, position, emit)
    else emit(withoutFinalS(run), position++)
  }
  return position
}

/**
 * The s of plurals and genitives, which most languages of Latin script share (Harman 1991, "How effective is
 * suffixing?"). Short words and those in -ss keep it.
 */
function withoutFinalS(word: string): string {
  const last = word.length - 1
  const ends =
    last >= 3 && word.charCodeAt(last) === SMALL_S && word.charCodeAt(last - 1) !== SMALL_S
  return ends ? word.slice(0, last) : word
}

const SMALL_S = 0x73

/** Halves of characters beyond the first 65,536; without them a unit is a character. */
const SURROGATES = /[\ud800-\udfff]/

/** Emits each `size` neighbouring characters, or all of a shorter run; gives the position after the last. */
function grams(run: string, size: number, from: number, emit: Emit): number {
  if (!SURROGATES.test(run)) {
    const last = Math.max(0, run.length - size)
    for (let i = 0; i <= last; i++) emit(run.slice(i, i + size), from + i)
    return from + last + 1
  }
  const characters = [...run]
  const last = Math.max(0, characters.length - size)
  for (let i = 0; i <= last; i++) emit(characters.slice(i, i + size).join(''), from + i)
  return from + last + 1
}
