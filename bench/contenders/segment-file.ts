import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlockReader } from '../../adapters/stores/local/blocks.ts'
import { nodeFiles } from '../../adapters/stores/local/files/files.ts'
import type { Region } from '../../adapters/stores/local/memory/memory.ts'
import { openMemory } from '../../adapters/stores/local/memory/open-memory.ts'
import { openSegment } from '../../adapters/stores/local/segment/open-segment.ts'
import { type Part, writeSegment } from '../../adapters/stores/local/segment/write-segment.ts'
import { CACHE_FOLDER } from '../data/cache.ts'

const MEMORY_BYTES = 8 * 2 ** 30

export interface OpenedPart {
  readonly blocks: BlockReader
  readonly region: Region
  /** What of the segment is in memory. */
  readonly residentBytes: number
}

/** Writes one part as a segment file and opens it into the engine's memory, as a shard does. */
export async function throughSegmentFile(part: Part): Promise<OpenedPart> {
  const folder = join(CACHE_FOLDER, `segment-${process.pid}`)
  const files = nodeFiles()
  const path = join(folder, 'segment')
  await mkdir(folder, { recursive: true })
  try {
    await writeSegment(files, path, { bench: 1 }, [part])
    const memory = openMemory({ bytesMax: MEMORY_BYTES })
    const { signal } = new AbortController()
    const allocate = (bytes: number): Region => memory.allocate(bytes)
    const opened = await openSegment(files, path, allocate, { bench: 1 }, signal)
    return {
      blocks: opened.part(part.name),
      region: opened.space,
      residentBytes: opened.space.bytes,
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
