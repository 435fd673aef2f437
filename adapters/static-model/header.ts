import { z } from 'zod'
import { QuarryError } from '../../src/core/errors.ts'

const MAGIC = 'QSTM'
const VERSION = 1
/** Magic, version and the header's length come before the header. */
export const PREAMBLE_BYTES = 12
const ALIGNMENT_BYTES = 64
/** A real header has under a kilobyte. */
const HEADER_BYTES_MAX = 1024 * 1024

const block = z.object({
  /** From the beginning of the file. */
  offset: z.int().min(PREAMBLE_BYTES).multipleOf(ALIGNMENT_BYTES),
  bytes: z.int().min(1),
  crc32: z.int().min(0).max(0xffff_ffff),
})

export type Block = z.output<typeof block>

const headerSchema = z.object({
  name: z.string().min(1).max(256),
  revision: z.string().min(1).max(64),
  dimensions: z.int().min(1).max(4_096),
  vocabulary_size: z.int().min(1).max(1_000_000),
  lowercase: z.boolean(),
  strip_accents: z.boolean(),
  unknown_token: z.string().min(1),
  max_chars_per_word: z.int().min(1).max(10_000),
  source: z.string(),
  licence: z.string(),
  procedure: z.string(),
  blocks: z.object({ vocabulary: block, scales: block, rows: block }),
})

/** What a static model's file says of itself, as it is written in the file. */
export type StaticModelHeader = z.output<typeof headerSchema>

/** Bytes of the header's JSON, from the file's first `PREAMBLE_BYTES`. */
export function headerBytes(preamble: Uint8Array, path: string): number {
  const view = new DataView(preamble.buffer, preamble.byteOffset, preamble.byteLength)
  if (preamble.byteLength < PREAMBLE_BYTES || latin1(preamble.subarray(0, 4)) !== MAGIC)
    throw unusable(path, `is not a static model: it does not begin with ${MAGIC}`)
  const version = view.getUint32(4, true)
  if (version !== VERSION)
    throw unusable(path, `has version ${version} of the format; this release reads ${VERSION}`)
  const bytes = view.getUint32(8, true)
  if (bytes > HEADER_BYTES_MAX) throw unusable(path, `has a header of ${bytes} bytes`)
  return bytes
}

/** Reads the header and checks that its blocks are whole, of the right size and within the file. */
export function readHeader(json: Uint8Array, fileBytes: number, path: string): StaticModelHeader {
  const header = parse(json, path)
  const { dimensions, vocabulary_size: size, blocks } = header
  const wanted = { vocabulary: blocks.vocabulary.bytes, scales: size * 4, rows: size * dimensions }
  for (const name of ['vocabulary', 'scales', 'rows'] as const) {
    const { offset, bytes } = blocks[name]
    if (bytes !== wanted[name])
      throw unusable(path, `has ${bytes} bytes of ${name}, not ${wanted[name]}`)
    if (offset + bytes > fileBytes)
      throw unusable(path, `ends at byte ${fileBytes}, before the end of its ${name}`)
  }
  return header
}

function parse(json: Uint8Array, path: string): StaticModelHeader {
  try {
    return headerSchema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json)))
  } catch (error) {
    throw unusable(path, 'has a header that cannot be read', error)
  }
}

/** For a file that is no static model, or a damaged one. */
export function unusable(path: string, why: string, cause?: unknown): QuarryError {
  return new QuarryError('invalid_request', `${path} ${why}`, { cause, details: { path } })
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}
