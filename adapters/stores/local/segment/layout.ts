import { crc32 } from 'node:zlib'
import { z } from 'zod'
import { BLOCK_TYPES, elementBytes } from './block-types.ts'
import { parseJson } from './parse-json.ts'
import { UnusableFile } from './unusable-file.ts'

/**
 * A segment file, little-endian, each piece padded with zeros to a multiple of 64 bytes:
 *
 *     preamble    64 bytes: magic, format, bytes of the directory, bytes of the file, their CRC-32s
 *     directory   JSON, padded with spaces: `about`, and the blocks in the order in which they follow
 *     blocks      the resident ones, which are read into memory as they lie here, then the cold ones
 *
 * Where a block lies follows from those before it. Every CRC covers the padding, so each byte of a file is covered by
 * one. The preamble is the same in all formats: magic at 0, format at 8, CRC of the first 60 bytes at 60.
 */
const FORMAT = 1
export const PREAMBLE_BYTES = 64
const MAGIC = 'QUARRYSG'
const ALIGNMENT = 64

export type Fact = string | number | boolean | null
/** What a file says about itself. */
export type About = Readonly<Record<string, Fact>>

const BLOCK = z.strictObject({
  part: z.string(),
  name: z.string(),
  type: z.enum(BLOCK_TYPES),
  count: z.int().min(0),
  /** Of its bytes and the padding behind them. */
  crc32: z.int().min(0).max(0xffffffff),
  cold: z.boolean(),
})

const DIRECTORY = z.strictObject({
  about: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  blocks: z.array(BLOCK),
})

export type BlockEntry = Readonly<z.infer<typeof BLOCK>>

export interface Directory {
  readonly about: About
  readonly blocks: readonly BlockEntry[]
}

export interface Preamble {
  readonly directoryBytes: number
  readonly directoryCrc32: number
  readonly fileBytes: number
}

/** A block and where it lies, counted from the end of the directory. */
export interface PlacedBlock extends BlockEntry {
  readonly offset: number
  readonly bytes: number
  readonly paddedBytes: number
}

export function padded(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT
}

/** Preamble and directory, as they stand at the head of the file. */
export function encodeHead(directory: Directory): Uint8Array {
  const json = Buffer.from(JSON.stringify(directory))
  const directoryBytes = padded(json.byteLength)
  const head = Buffer.alloc(PREAMBLE_BYTES + directoryBytes, ' ')
  head.set(json, PREAMBLE_BYTES)
  const blockBytes = placeBlocks(directory.blocks).reduce(
    (sum, block) => sum + block.paddedBytes,
    0,
  )
  head.fill(0, 0, PREAMBLE_BYTES)
  head.write(MAGIC, 0, 'latin1')
  head.writeUInt32LE(FORMAT, 8)
  head.writeUInt32LE(directoryBytes, 12)
  head.writeDoubleLE(head.byteLength + blockBytes, 16)
  head.writeUInt32LE(crc32(head.subarray(PREAMBLE_BYTES)), 24)
  head.writeUInt32LE(crc32(head.subarray(0, 60)), 60)
  return head
}

/** @throws UnusableFile where these are not the first 64 bytes of a sound file of this format, `size` bytes long */
export function decodePreamble(path: string, bytes: Uint8Array, size: number): Preamble {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (head.byteLength < PREAMBLE_BYTES || head.toString('latin1', 0, 8) !== MAGIC)
    throw new UnusableFile('damaged', path, 'this is no segment file')
  if (head.readUInt32LE(60) !== crc32(head.subarray(0, 60)))
    throw new UnusableFile('damaged', path, 'the preamble does not match its checksum')
  const format = head.readUInt32LE(8)
  if (format !== FORMAT)
    throw new UnusableFile('other_format', path, `format ${format}, this build reads ${FORMAT}`)
  const fileBytes = head.readDoubleLE(16)
  if (fileBytes !== size)
    throw new UnusableFile('damaged', path, `${size} bytes long, ${fileBytes} were written`)
  return {
    directoryBytes: head.readUInt32LE(12),
    directoryCrc32: head.readUInt32LE(24),
    fileBytes,
  }
}

/** @throws UnusableFile where the directory is not what was written, or its blocks do not fill the file */
export function decodeDirectory(path: string, preamble: Preamble, bytes: Uint8Array): Directory {
  if (bytes.byteLength !== preamble.directoryBytes || crc32(bytes) !== preamble.directoryCrc32)
    throw new UnusableFile('damaged', path, 'the directory does not match its checksum')
  const parsed = DIRECTORY.safeParse(parseJson(Buffer.from(bytes).toString()))
  if (!parsed.success)
    throw new UnusableFile('damaged', path, `the directory is wrong: ${parsed.error.message}`)
  const { blocks } = parsed.data
  const end = placeBlocks(blocks).reduce(
    (sum, block) => sum + block.paddedBytes,
    PREAMBLE_BYTES + preamble.directoryBytes,
  )
  if (end !== preamble.fileBytes)
    throw new UnusableFile('damaged', path, `its blocks end at ${end}, not ${preamble.fileBytes}`)
  if (blocks.some((block, i) => !block.cold && blocks[i - 1]?.cold === true))
    throw new UnusableFile('damaged', path, 'a resident block lies behind a cold one')
  return parsed.data
}

export function placeBlocks(blocks: readonly BlockEntry[]): readonly PlacedBlock[] {
  let offset = 0
  return blocks.map((block) => {
    const bytes = block.count * elementBytes(block.type)
    const placed = { ...block, offset, bytes, paddedBytes: padded(bytes) }
    offset += placed.paddedBytes
    return placed
  })
}
