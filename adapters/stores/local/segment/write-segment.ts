import { crc32 } from 'node:zlib'
import { QuarryError } from '../../../../src/core/errors.ts'
import type { BlockData, Blocks } from '../blocks.ts'
import type { Files } from '../files/files.ts'
import { bytesOf, typeOf } from './block-types.ts'
import { type About, type BlockEntry, encodeHead, padded } from './layout.ts'

export interface Part {
  readonly name: string
  readonly blocks: Blocks
  /** The blocks that stay on disk when the segment is opened. */
  readonly cold?: readonly string[] | undefined
}

/** Computes checksums in one go (gigabytes take a second): for a worker thread. Answers the file's bytes. */
export function writeSegment(
  files: Files,
  path: string,
  about: About,
  parts: readonly Part[],
): Promise<number> {
  const blocks = parts.flatMap(blocksOf)
  const ordered = [...blocks.filter(isResident), ...blocks.filter((block) => !isResident(block))]
  return files.writeDurably(path, pieces(about, ordered))
}

interface Block {
  readonly entry: BlockEntry
  readonly bytes: Uint8Array
}

function* pieces(about: About, blocks: readonly Block[]): Iterable<Uint8Array> {
  yield encodeHead({ about, blocks: blocks.map(({ entry }) => entry) })
  for (const { bytes } of blocks) {
    yield bytes
    yield paddingOf(bytes)
  }
}

function blocksOf({ name: part, blocks, cold = [] }: Part): Block[] {
  const unknown = cold.filter((name) => !Object.hasOwn(blocks, name))
  if (unknown.length > 0)
    throw new QuarryError('internal', `part ${part} has no blocks ${unknown.join(', ')}`)
  return Object.entries(blocks).map(([name, data]) =>
    toBlock(part, name, data, cold.includes(name)),
  )
}

function toBlock(part: string, name: string, data: BlockData, cold: boolean): Block {
  const bytes = bytesOf(data)
  const crc = crc32(paddingOf(bytes), crc32(bytes))
  return { entry: { part, name, type: typeOf(data), count: data.length, crc32: crc, cold }, bytes }
}

function isResident({ entry }: Block): boolean {
  return !entry.cold
}

function paddingOf({ byteLength }: Uint8Array): Uint8Array {
  return new Uint8Array(padded(byteLength) - byteLength)
}
