import { type Emit, TERM_LENGTH_MAX } from './analyzer-of.ts'
import { foldText } from './fold.ts'
import { hasSpacelessScript, scanUnicode } from './unicode.ts'

const IDENTIFIER = /[\p{L}\p{M}\p{N}]{1,255}(?:[_-]{1,8}[\p{L}\p{M}\p{N}]{1,255}){0,64}/gu

/** Between `get` and `User`, `HTTP` and `Server`, `utf` and `8`; an underscore or a hyphen is dropped. */
const PART =
  /\p{Lu}+(?=\p{Lu}\p{Ll})|\p{Lu}?[\p{Ll}\p{M}]+|\p{Lu}+|\p{N}+|[\p{Lo}\p{Lm}\p{Lt}\p{M}]+/gu

/** Words of the question around the code, not of the code itself. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  'a an and are as at be by does for how in is it of on or that the this to was what which with'.split(
    ' ',
  ),
)

/**
 * For source text and for questions about it: an identifier counts as a whole, however its words are joined, and
 * as each of its words. The whole stands at the position of its first word.
 */
export function scanCode(text: string, emit: Emit): void {
  let position = 0
  for (const [identifier] of text.matchAll(IDENTIFIER)) {
    position = hasSpacelessScript(identifier)
      ? scanUnicode(identifier, emit, position)
      : scanIdentifier(identifier, emit, position)
  }
}

function scanIdentifier(identifier: string, emit: Emit, from: number): number {
  const parts = identifier.match(PART) ?? []
  const whole = foldText(parts.join(''))
  if (parts.length < 2) {
    if (!STOP_WORDS.has(whole)) emit(whole, from)
    return from + 1
  }
  emit(whole.slice(0, TERM_LENGTH_MAX), from)
  for (const [i, part] of parts.entries()) emit(foldText(part), from + i)
  return from + parts.length
}
