import { QuarryError } from '../../../../src/core/errors.ts'

/**
 * A text on disk is a word (its bytes times 4, plus its encoding) and its bytes, in the shortest of three encodings.
 * Each wins somewhere: UTF-8 takes half of UTF-16 for English with a curly quote, but for Chinese it takes more and
 * decodes far slower, and Latin-1 decodes fastest. Only UTF-16 keeps lone surrogates.
 */
const ENCODINGS = ['latin1', 'utf8', 'utf16le'] as const
const WORD_BYTES = 4
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is Latin-1 itself
const BEYOND_LATIN1 = /[^\x00-\xff]/

/** Bytes that grow at the end. */
export class ByteLog {
  #bytes: Buffer
  #length = 0

  /** Room for `bytes` at first. */
  constructor(bytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(bytes)
  }

  clear(): void {
    this.#length = 0
  }

  /** All bytes so far: a view that later writes may leave behind. */
  bytes(): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#length)
  }

  /** Answers where the text begins. */
  addText(text: string): number {
    const encoding = encodingOf(text)
    const bytes = Buffer.byteLength(text, ENCODINGS[encoding])
    const at = this.reserve(WORD_BYTES + bytes)
    this.setWord(at, bytes * 4 + encoding)
    this.#bytes.write(text, at + WORD_BYTES, ENCODINGS[encoding])
    return at
  }

  /** Room for so many bytes, all of which are to be set; answers where it begins. */
  reserve(bytes: number): number {
    const at = this.#length
    this.#length += bytes
    if (this.#length > 0xffffffff)
      throw new QuarryError('internal', 'the texts of one segment come to more than 4 GiB')
    if (this.#length > this.#bytes.byteLength) this.#grow()
    return at
  }

  setWord(at: number, word: number): void {
    this.#bytes.writeUInt32LE(word, at)
  }

  setNumber(at: number, number: number): void {
    this.#bytes.writeDoubleLE(number, at)
  }

  #grow(): void {
    const doubled = Math.min(2 * this.#bytes.byteLength, 0xffffffff)
    const grown = Buffer.allocUnsafeSlow(Math.max(doubled, this.#length))
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}

/** @throws RangeError where the text does not lie within the bytes */
export function readText(bytes: Buffer, at: number): string {
  return bytes.toString(encodingAt(bytes, at), at + WORD_BYTES, endOfText(bytes, at))
}

/** Where the text that begins at `at` ends. Checked, since `Buffer.toString` would stop at the end in silence. */
export function endOfText(bytes: Buffer, at: number): number {
  const end = at + WORD_BYTES + (bytes.readUInt32LE(at) >>> 2)
  if (end > bytes.byteLength) throw new RangeError(`a text ends at ${end}`)
  return end
}

function encodingAt(bytes: Buffer, at: number): (typeof ENCODINGS)[number] {
  const encoding = ENCODINGS[bytes.readUInt32LE(at) & 3]
  if (encoding === undefined) throw new RangeError(`no encoding of the text at ${at}`)
  return encoding
}

function encodingOf(text: string): 0 | 1 | 2 {
  const utf8Bytes = Buffer.byteLength(text, 'utf8')
  // As many bytes as code units: ASCII, which is most texts.
  if (utf8Bytes === text.length || !BEYOND_LATIN1.test(text)) return 0
  return utf8Bytes < 2 * text.length && text.isWellFormed() ? 1 : 2
}
