import { crc32 } from 'node:zlib'
import { QuarryError } from '../../../../src/core/errors.ts'
import { isTurnOver, nextTurn } from '../../../../src/core/turns.ts'
import { unending } from '../../../../src/core/unending.ts'
import type { BlockData, BlockReader, Blocks } from '../blocks.ts'
import type { Files, OpenFile } from '../files/files.ts'
import { blockReader } from './block-reader.ts'
import { viewOf } from './block-types.ts'
import {
  type About,
  decodeDirectory,
  decodePreamble,
  type PlacedBlock,
  PREAMBLE_BYTES,
  placeBlocks,
} from './layout.ts'
import { UnusableFile } from './unusable-file.ts'

/** What is read or checked between two looks at the clock: under a millisecond of checksums. */
const SLICE_BYTES = 4 * 1024 * 1024

/** Where a segment's resident blocks go: a `Region` of the engine's memory, or `onHeap`. Aligned to 8 at least. */
export interface Space {
  readonly u8: Uint8Array
  free(): void
}

/** Ordinary memory, for worker threads and small files. */
export function onHeap(bytes: number): Space {
  return { u8: new Uint8Array(bytes), free: () => undefined }
}

export interface OpenSegment<S extends Space> {
  readonly about: About
  /** Of the file. */
  readonly fileBytes: number
  /** Holds the resident blocks. Whoever opened the segment frees it. */
  readonly space: S
  /** The resident blocks of a part; none where the segment has no such part. */
  part(name: string): BlockReader
  /**
   * A block that stayed on disk, in memory of its own.
   * @throws UnusableFile `damaged` where it is no longer what was written, `missing` where the file is gone
   */
  readCold(part: string, name: string, signal: AbortSignal): Promise<BlockData>
  /** A block that stays on disk, all of it checked once, to read pieces of. Faults as those of `readCold`. */
  openCold(part: string, name: string, signal: AbortSignal): Promise<ColdBlock>
}

export interface ColdBlock {
  /** Fills `into` from a byte of the block on. */
  read(into: Uint8Array, from: number): Promise<void>
  close(): Promise<void>
}

/**
 * Reads the resident blocks into one space and checks every byte of them before any is handed out. `expected` is
 * what the file must say about itself; it may say more.
 * @throws UnusableFile where the file must be made anew; `unavailable` where it can't be read just now; whatever
 *   `allocate` throws
 */
export async function openSegment<S extends Space>(
  files: Files,
  path: string,
  allocate: (bytes: number) => S,
  expected: About,
  signal: AbortSignal,
): Promise<OpenSegment<S>> {
  const file = await openFile(files, path)
  try {
    const { about, dataFrom, blocks } = await readHead(path, file)
    checkAbout(path, about, expected)
    const resident = blocks.filter(({ cold }) => !cold)
    const bytes = endOf(resident)
    const space = allocate(Math.max(bytes, 1))
    try {
      await readInto(path, file, dataFrom, space.u8.subarray(0, bytes), signal)
      for (const block of resident) await check(path, block, space.u8, signal)
    } catch (error) {
      space.free()
      throw error
    }
    return {
      about,
      fileBytes: file.bytes,
      space,
      part: (name) => blockReader(name, viewsOf(name, resident, space.u8)),
      readCold: (part, name, wanted) => readCold(files, path, dataFrom, blocks, part, name, wanted),
      openCold: (part, name, wanted) =>
        openCold(files, path, dataFrom, coldBlock(blocks, part, name), wanted),
    }
  } finally {
    await file.close()
  }
}

async function openFile(files: Files, path: string): Promise<OpenFile> {
  const file = await files.open(path)
  if (file === null) throw new UnusableFile('missing', path, 'there is no such file')
  return file
}

interface Head {
  readonly about: About
  /** Where the first block begins. */
  readonly dataFrom: number
  readonly blocks: readonly PlacedBlock[]
}

async function readHead(path: string, file: OpenFile): Promise<Head> {
  const first = new Uint8Array(PREAMBLE_BYTES)
  const read = await file.read(first, 0)
  const preamble = decodePreamble(path, first.subarray(0, read), file.bytes)
  // A sound preamble that names more than the file holds was not written here; nothing is allocated for it.
  const second = new Uint8Array(Math.min(preamble.directoryBytes, file.bytes))
  const filled = await file.read(second, PREAMBLE_BYTES)
  const { about, blocks } = decodeDirectory(path, preamble, second.subarray(0, filled))
  const dataFrom = PREAMBLE_BYTES + preamble.directoryBytes
  return { about, dataFrom, blocks: placeBlocks(blocks) }
}

function checkAbout(path: string, about: About, expected: About): void {
  for (const [fact, wanted] of Object.entries(expected))
    if (about[fact] !== wanted)
      throw new UnusableFile('other_content', path, `${fact} is ${about[fact]}, not ${wanted}`)
}

async function readInto(
  path: string,
  file: OpenFile,
  position: number,
  into: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  for (let at = 0; at < into.byteLength; at += SLICE_BYTES) {
    signal.throwIfAborted()
    const slice = into.subarray(at, at + SLICE_BYTES)
    if ((await file.read(slice, position + at)) < slice.byteLength)
      throw new UnusableFile('damaged', path, `the file ends before byte ${position + at}`)
  }
}

/** `bytes` holds the block, and what is behind it, from its offset on. */
async function check(
  path: string,
  block: PlacedBlock,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const end = block.offset + block.paddedBytes
  let crc = 0
  for (let at = block.offset; at < end; at += SLICE_BYTES) {
    crc = crc32(bytes.subarray(at, Math.min(end, at + SLICE_BYTES)), crc)
    if (isTurnOver()) await nextTurn(signal)
  }
  if (crc !== block.crc32)
    throw new UnusableFile(
      'damaged',
      path,
      `block ${block.part}.${block.name} does not match its checksum`,
    )
}

async function readCold(
  files: Files,
  path: string,
  dataFrom: number,
  blocks: readonly PlacedBlock[],
  part: string,
  name: string,
  signal: AbortSignal,
): Promise<BlockData> {
  const block = coldBlock(blocks, part, name)
  const file = await openFile(files, path)
  try {
    const bytes = new Uint8Array(block.paddedBytes)
    await readInto(path, file, dataFrom + block.offset, bytes, signal)
    await check(path, { ...block, offset: 0 }, bytes, signal)
    return viewOf(bytes, 0, block.type, block.count)
  } finally {
    await file.close()
  }
}

function viewsOf(part: string, blocks: readonly PlacedBlock[], bytes: Uint8Array): Blocks {
  const own = blocks.filter((block) => block.part === part)
  return Object.fromEntries(
    own.map(({ name, offset, type, count }) => [name, viewOf(bytes, offset, type, count)]),
  )
}

function endOf(blocks: readonly PlacedBlock[]): number {
  const last = blocks.at(-1)
  return last === undefined ? 0 : last.offset + last.paddedBytes
}

function coldBlock(blocks: readonly PlacedBlock[], part: string, name: string): PlacedBlock {
  const block = blocks.find((entry) => entry.cold && entry.part === part && entry.name === name)
  if (block === undefined) throw new QuarryError('internal', `no cold block ${part}.${name}`)
  return block
}

async function openCold(
  files: Files,
  path: string,
  dataFrom: number,
  block: PlacedBlock,
  signal: AbortSignal,
): Promise<ColdBlock> {
  const file = await openFile(files, path)
  const start = dataFrom + block.offset
  try {
    let crc = 0
    const slice = new Uint8Array(Math.min(SLICE_BYTES, block.paddedBytes))
    for (let at = 0; at < block.paddedBytes; at += slice.byteLength) {
      const bytes = slice.subarray(0, Math.min(slice.byteLength, block.paddedBytes - at))
      await readInto(path, file, start + at, bytes, signal)
      crc = crc32(bytes, crc)
    }
    if (crc !== block.crc32)
      throw new UnusableFile('damaged', path, `cold block ${block.name} is not what was written`)
  } catch (error) {
    await file.close()
    throw error
  }
  return {
    read: (into, from) => readInto(path, file, start + from, into, unending),
    close: () => file.close(),
  }
}
