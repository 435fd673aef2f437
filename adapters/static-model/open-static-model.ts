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
}

/** Ids pooled between two pauses: some 0.2 ms of work. */
const SLICE_TOKENS = 512

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

  const { name, revision } = header
  return { name, revision, dimensions, tokens, scales, rows, embed, embedInSlices }
}

/** The ids but the unknown one, moved together in their order. */
function known(ids: Int32Array, unknownId: number): Int32Array {
  let count = 0
  for (const id of ids) if (id !== unknownId) ids[count++] = id
  return ids.subarray(0, count)
}
