import { detached } from '../core/detached.ts'
import type { Tokenizer } from '../core/tokenizer.ts'
import { cutLongRuns, prepareRuns } from './long-runs.ts'

/** Words whose counts are kept, some 10 MB; most of a text is words that stood in others before. */
const WORDS_MAX = 2 ** 17
/** Longer ones come again too seldom. */
const WORD_CHARS_MAX = 32
/** Special tokens in a document are text like any other: they are counted as written and never refused. */
const AS_TEXT = { disallowedSpecial: new Set<string>() }

/** Numbers are split into groups of three, each of which is a token. Every prompt has a random number to be counted. */
const DIGITS = /^[0-9]+$/
const DIGITS_A_TOKEN = 3

/** The encoder makes its tables and compiles its pattern at its first count, some 10 ms of work. */
const WARM_UP = 'Words, 12 345 “quoted” — 日本語 ไทย 👩‍👩‍👧.\n\n'

let opened: Promise<Tokenizer> | undefined

/** OpenAI's o200k_base. The vocabulary (some 75 MB in memory) is loaded on first use, once a process. */
export function openTokenizer(): Promise<Tokenizer> {
  opened ??= load()
  return opened
}

async function load(): Promise<Tokenizer> {
  const { countTokens, setMergeCacheSize } = await import('gpt-tokenizer/encoding/o200k_base')
  const { O200K_TOKEN_SPLIT_REGEX } = await import('gpt-tokenizer/encodingParams/constants')
  // What it would find there is found in `counts` already, at a third of the cost.
  setMergeCacheSize(0)
  const counts = new Map<string, number>()

  const countWord = (word: string): number => {
    const known = counts.get(word)
    if (known !== undefined) return known
    const tokens = countTokens(word, AS_TEXT)
    if (word.length > WORD_CHARS_MAX) return tokens
    if (counts.size >= WORDS_MAX) counts.clear()
    counts.set(detached(word), tokens)
    return tokens
  }
  const count = (text: string): number => {
    if (DIGITS.test(text)) return Math.ceil(text.length / DIGITS_A_TOKEN)
    let tokens = 0
    for (const part of cutLongRuns(text)) {
      const words = part.match(O200K_TOKEN_SPLIT_REGEX) ?? []
      for (const word of words) tokens += countWord(word)
    }
    return tokens
  }
  prepareRuns()
  count(WARM_UP)
  return { name: 'o200k_base', count }
}
