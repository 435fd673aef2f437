import type { Tokenizer } from '../core/tokenizer.ts'
import { cutLongRuns, prepareRuns } from './long-runs.ts'

/** Text between two clearings of the merge cache, whose keys keep alive the texts they were cut from. */
const CACHE_CHARS = 8_000_000
/** Special tokens in a document are text like any other: they are counted as written and never refused. */
const AS_TEXT = { disallowedSpecial: new Set<string>() }

/** The encoder makes its tables and compiles its pattern at its first count, some 10 ms of work. */
const WARM_UP = 'Words, 12 345 “quoted” — 日本語 ไทย 👩‍👩‍👧.\n\n'

let opened: Promise<Tokenizer> | undefined

/** OpenAI's o200k_base. The vocabulary (some 75 MB in memory) is loaded on first use, once a process. */
export function openTokenizer(): Promise<Tokenizer> {
  opened ??= load()
  return opened
}

async function load(): Promise<Tokenizer> {
  const { countTokens, clearMergeCache } = await import('gpt-tokenizer/encoding/o200k_base')
  let chars = 0
  prepareRuns()
  countTokens(WARM_UP, AS_TEXT)
  return {
    name: 'o200k_base',
    count: (text) => {
      chars += text.length
      if (chars > CACHE_CHARS) {
        clearMergeCache()
        chars = text.length
      }
      let tokens = 0
      for (const part of cutLongRuns(text)) tokens += countTokens(part, AS_TEXT)
      return tokens
    },
  }
}
