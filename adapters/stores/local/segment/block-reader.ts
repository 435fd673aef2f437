import { QuarryError } from '../../../../src/core/errors.ts'
import type { BlockData, BlockReader, Blocks } from '../blocks.ts'
import { type BlockType, typeOf } from './block-types.ts'

/** Reads a part as it was built, or as it was opened. */
export function blockReader(part: string, blocks: Blocks): BlockReader {
  const reader =
    <T extends BlockData>(array: new () => T, type: BlockType) =>
    (name: string): T => {
      const data = Object.hasOwn(blocks, name) ? blocks[name] : undefined
      if (data instanceof array) return data
      const found = data === undefined ? 'not in memory' : `of type ${typeOf(data)}`
      throw new QuarryError('internal', `block ${part}.${name} is ${found}, not ${type}`)
    }
  return {
    has: (name) => Object.hasOwn(blocks, name),
    u8: reader(Uint8Array, 'u8'),
    i8: reader(Int8Array, 'i8'),
    u16: reader(Uint16Array, 'u16'),
    i32: reader(Int32Array, 'i32'),
    u32: reader(Uint32Array, 'u32'),
    f32: reader(Float32Array, 'f32'),
    f64: reader(Float64Array, 'f64'),
  }
}
