import { detached } from '../../src/core/detached.ts'
import { openPieces } from './pieces.ts'
import { type Casing, IN_WORD, openSpelling, SPACE } from './spelling.ts'

export interface WordPieceOptions extends Partial<Casing> {
  /** Stands for a word that the vocabulary cannot spell; `[UNK]` when absent. */
  readonly unknownToken?: string
  /** A longer word, in code points, is unknown; 100 when absent. */
  readonly wordCharsMax?: number
}

export interface WordPiece {
  /** Tokens in the vocabulary. */
  readonly size: number
  /** Id of what the vocabulary cannot spell; -1 where it has no token for that. */
  readonly unknownId: number
  /** Most ids of one word. */
  readonly wordTokensMax: number
  idOf(token: string): number | undefined
  /** The text's first ids, without special tokens: "[CLS]" in a text is a word between two brackets. */
  encode(text: string, tokensMax: number): Int32Array
  /** Writes the ids of whole words from `start` on, while there is room for `wordTokensMax`: a long text in slices. */
  fill(text: string, start: number, ids: Int32Array): Filled
}

export interface Filled {
  /** How many ids were written. */
  readonly count: number
  /** Where in the text the rest begins; its length when there is none. */
  readonly next: number
}

const CACHED_WORDS_MAX = 100_000
const CACHED_CHARS_MAX = 64

/**
 * BERT's tokens: the words of its BasicTokenizer, each spelled from left to right by the longest pieces there are.
 * Equal to Hugging Face's `tokenizers` (BertNormalizer, BertPreTokenizer, WordPiece) on every platform, but that the
 * few spacing marks which NFD would sort among themselves keep their order.
 * @param vocabulary the tokens by id; one that continues a word starts with "##"
 */
export function openWordPiece(
  vocabulary: readonly string[],
  options: WordPieceOptions = {},
): WordPiece {
  const { unknownToken = '[UNK]', wordCharsMax = 100, lowercase = true } = options
  const { stripAccents = lowercase } = options
  const { classes, spell } = openSpelling({ lowercase, stripAccents })
  const pieces = openPieces(vocabulary, unknownToken)

  const idsOfRun = cached((run) => {
    let word = ''
    let chars = 0
    for (const character of run) {
      const spelled = spell(character.codePointAt(0) ?? 0)
      word += spelled
      for (const _ of spelled) chars += 1
      if (chars > wordCharsMax) return [pieces.unknownId]
    }
    return pieces.split(word)
  })

  const fill = (text: string, start: number, ids: Int32Array): Filled => {
    const lastStart = ids.length - wordCharsMax
    let count = 0
    let at = start
    while (at < text.length && count <= lastStart) {
      const end = endOfRun(text, at, classes)
      if (classes[text.charCodeAt(at)] !== SPACE)
        for (const id of idsOfRun(text.slice(at, end))) ids[count++] = id
      at = end
    }
    return { count, next: at }
  }

  const encode = (text: string, tokensMax: number): Int32Array => {
    let ids = new Int32Array(Math.min(tokensMax, text.length) + wordCharsMax)
    let total = 0
    let at = 0
    while (at < text.length && total < tokensMax) {
      const { count, next } = fill(text, at, ids.subarray(total))
      total += count
      at = next
      if (ids.length - total < wordCharsMax) ids = grown(ids)
    }
    return ids.slice(0, Math.min(total, tokensMax))
  }

  return {
    size: vocabulary.length,
    unknownId: pieces.unknownId,
    wordTokensMax: wordCharsMax,
    idOf: pieces.idOf,
    encode,
    fill,
  }
}

/** End of what starts at `start`: one space, one character that is a word by itself, or a word. */
function endOfRun(text: string, start: number, classes: Uint8Array): number {
  let at = start
  while (at < text.length) {
    const unit = text.charCodeAt(at)
    const codePoint = unit < 0xd800 || unit > 0xdbff ? unit : (text.codePointAt(at) ?? 0)
    const end = codePoint > 0xffff ? at + 2 : at + 1
    if (classes[codePoint] !== IN_WORD) return at > start ? at : end
    at = end
  }
  return at
}

function grown(ids: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(ids.length * 2)
  larger.set(ids)
  return larger
}

/** Forgets everything when full: words repeat so much that it is full of the common ones again at once. */
function cached(compute: (run: string) => readonly number[]): (run: string) => readonly number[] {
  const known = new Map<string, readonly number[]>()
  return (run) => {
    const found = known.get(run)
    if (found !== undefined) return found
    const ids = compute(run)
    if (run.length > CACHED_CHARS_MAX) return ids
    if (known.size >= CACHED_WORDS_MAX) known.clear()
    known.set(detached(run), ids)
    return ids
  }
}
