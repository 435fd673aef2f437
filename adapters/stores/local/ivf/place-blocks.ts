import type { BlockReader, Blocks } from '../blocks.ts'
import { blockReader } from '../segment/block-reader.ts'
import { bytesOf, typeOf, viewOf } from '../segment/block-types.ts'

/** Copies blocks to where the kernels can read them; each room that is taken must be aligned to 8. */
export function placeBlocks(blocks: Blocks, take: (bytes: number) => Uint8Array): BlockReader {
  const placed = Object.entries(blocks).map(([name, data]) => {
    const room = take(data.byteLength)
    room.set(bytesOf(data))
    return [name, viewOf(room, 0, typeOf(data), data.length)] as const
  })
  return blockReader('vectors', Object.fromEntries(placed))
}
