import type { Emit } from './analyzer-of.ts'
import { porterStem } from './porter.ts'
import { RememberedTerms } from './remembered-terms.ts'
import { eachWord } from './words.ts'

/** Lucene's English stop set. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  `a an and are as at be but by for if in into is it no not of on or such that the their then there these they this
   to was will with`.split(/\s+/),
)

/** As Lucene's EnglishAnalyzer: words, possessives off, lower case, stop words out, Porter's stems. */
export function scanEnglish(text: string, emit: Emit): void {
  let position = 0
  eachWord(text, (source, from, to) => {
    const term = stems.termAt(source, from, to)
    if (term !== '') emit(term, position, stems.hint)
    position++
  })
}

/** Empty for stop words. */
const stems = new RememberedTerms((word) => {
  const term = lowerCase(withoutPossessive(word))
  return STOP_WORDS.has(term) ? '' : porterStem(term)
})

function withoutPossessive(word: string): string {
  const last = word.charCodeAt(word.length - 1)
  if (last !== 0x73 && last !== 0x53) return word
  const mark = word.charCodeAt(word.length - 2)
  return mark === 0x27 || mark === 0x2019 || mark === 0xff07 ? word.slice(0, -2) : word
}

/** `İ` becomes a plain i, where JavaScript would leave the dot behind as a mark of its own. */
function lowerCase(word: string): string {
  const lower = word.toLowerCase()
  return lower.length === word.length ? lower : lower.replaceAll('i\u0307', 'i')
}
