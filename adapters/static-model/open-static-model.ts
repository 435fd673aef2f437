import { unending } from '../../src/core/unending.ts'
import { openWordPiece, type WordPiece } from '../wordpiece/open-word-piece.ts'
import { addTokens, type TokenVectors, unitVector } from './pooling.ts'
import { readStaticModel } from './read-file.ts'

/** A table of token vectors; a text's vector is the sum of its tokens' vectors. A token's id is its row. */
export interface StaticModel extends TokenVectors {
  readonly name: string
  readonly revision: string
  readonly dimensions: number
  /** What a text's tokens are. No vector counts the unknown token; its id may be -1, which has no row. */
  readonly tokens: WordPiece
  /** The text's vector, of length 1: never zero, and the same bits on every machine. */
  embed(text: string): Float32Array
  /** The same vector in slices of a fraction of a millisecond; the caller may pause at each. */
  embedInSlices(text: string): Generator<void, Float32Array>
  /** Share of the words at a text's beginning that the vocabulary has whole: what it has to spell it knows little of. */
  knownWords(text: string): number
}

/** Ids pooled between two pauses: some 0.2 ms of work. */
const SLICE_TOKENS = 512
/** Enough of a text to tell what language it is in. */
const KNOWN_TOKENS = 256

/** @throws QuarryError `invalid_request` where the file is not a static model of this version, or damaged */
export async function openStaticModel(
  path: string,
  signal: AbortSignal = unending,
): Promise<StaticModel> {
  const { header, vocabulary, scales, rows } = await readStaticModel(path, signal)
  const { dimensions } = header
  const vectors = { scales, rows }
  const tokens = openWordPiece(vocabulary, {
    lowercase: header.lowercase,
    stripAccents: header.strip_accents,
    unknownToken: header.unknown_token,
    wordCharsMax: header.max_chars_per_word,
  })

  function* embedInSlices(text: string): Generator<void, Float32Array> {
    const sum = new Float64Array(dimensions)
    const ids = new Int32Array(SLICE_TOKENS + tokens.wordTokensMax)
    let at = 0
    while (at < text.length) {
      const { count, next } = tokens.fill(text, at, ids)
      addTokens(sum, vectors, known(ids.subarray(0, count), tokens.unknownId))
      at = next
      yield
    }
    return unitVector(sum, text)
  }

  const embed = (text: string): Float32Array => {
    const slices = embedInSlices(text)
    let slice = slices.next()
    while (slice.done !== true) slice = slices.next()
    return slice.value
  }

  const kinds = Uint8Array.from(vocabulary, kindOf)
  const knownWords = (text: string): number => knownShare(tokens.encode(text, KNOWN_TOKENS), kinds)

  const { name, revision } = header
  return { name, revision, dimensions, tokens, scales, rows, embed, embedInSlices, knownWords }
}

/** A token that says nothing of itself, goes on with a word, begins or is a word, or is a character of some script. */
const KIND = { none: 0, rest: 1, word: 2, character: 3 } as const

function kindOf(token: string): number {
  if (token.startsWith('##')) return KIND.rest
  if (!/[\p{L}\p{N}]/u.test(token)) return KIND.none
  return /^(?:[a-z0-9]{2,}|[ai])$/.test(token) ? KIND.word : KIND.character
}

/** Unknown words count, being words; ids without a row are theirs. */
function knownShare(ids: Int32Array, kinds: Uint8Array): number {
  let words = 0
  let known = 0
  for (const [at, id] of ids.entries()) {
    const kind = id < 0 ? KIND.character : kinds[id]
    if (kind === KIND.none || kind === KIND.rest) continue
    words += 1
    if (kind === KIND.word && kinds[ids[at + 1] ?? -1] !== KIND.rest) known += 1
  }
  return words === 0 ? 0 : known / words
}

/** The ids but the unknown one, moved together in their order. */
function known(ids: Int32Array, unknownId: number): Int32Array {
  let count = 0
  for (const id of ids) if (id !== unknownId) ids[count++] = id
  return ids.subarray(0, count)
}
