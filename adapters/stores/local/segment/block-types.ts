import type { BlockData } from '../blocks.ts'

export const BLOCK_TYPES = ['u8', 'i8', 'u16', 'i32', 'u32', 'f32', 'f64'] as const

export type BlockType = (typeof BLOCK_TYPES)[number]

interface ArrayType {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): BlockData
}

const ARRAYS: Readonly<Record<BlockType, ArrayType>> = {
  u8: Uint8Array,
  i8: Int8Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  f32: Float32Array,
  f64: Float64Array,
}

export function typeOf(data: BlockData): BlockType {
  for (const type of BLOCK_TYPES) if (data instanceof ARRAYS[type]) return type
  throw new TypeError('a block is a typed array')
}

export function elementBytes(type: BlockType): number {
  return ARRAYS[type].BYTES_PER_ELEMENT
}

export function bytesOf(data: BlockData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** `count` numbers of a type over `bytes`, from `offset` on. */
export function viewOf(
  bytes: Uint8Array,
  offset: number,
  type: BlockType,
  count: number,
): BlockData {
  return new ARRAYS[type](bytes.buffer, bytes.byteOffset + offset, count)
}
