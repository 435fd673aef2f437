import type { BlockData, BlockReader, Blocks } from '../../adapters/stores/local/blocks.ts'
import type { Memory, Region } from '../../adapters/stores/local/memory/memory.ts'
import { blockReader } from '../../adapters/stores/local/segment/block-reader.ts'

/** Copies blocks into a region of a memory, as opening a segment does. */
export function placeBlocks(
  memory: Memory,
  blocks: Blocks,
): { readonly region: Region; readonly reader: BlockReader } {
  const padded = ({ byteLength }: BlockData): number => Math.ceil(byteLength / 64) * 64
  const region = memory.allocate(Object.values(blocks).reduce((sum, data) => sum + padded(data), 0))
  const placed = new Map<string, BlockData>()
  let at = 0
  for (const [name, data] of Object.entries(blocks)) {
    const view = viewLike(data, region, at)
    view.set(data)
    placed.set(name, view)
    at += padded(data)
  }
  const reader = blockReader('vectors', Object.fromEntries(placed))
  return { region, reader }
}

function viewLike(data: BlockData, region: Region, at: number): BlockData {
  if (data instanceof Uint8Array) return region.u8.subarray(at, at + data.length)
  if (data instanceof Int8Array) return region.i8(at, data.length)
  if (data instanceof Uint16Array) return region.u16(at, data.length)
  if (data instanceof Int32Array) return region.i32(at, data.length)
  if (data instanceof Uint32Array) return region.u32(at, data.length)
  if (data instanceof Float32Array) return region.f32(at, data.length)
  return region.f64(at, data.length)
}
