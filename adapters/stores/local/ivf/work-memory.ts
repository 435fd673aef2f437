import type { Kernels } from '../memory/kernels.ts'
import { openMemory } from '../memory/open-memory.ts'

/** Room for one builder, in a memory of its own that goes when the builder is done with it. */
export interface WorkMemory {
  readonly kernels: Kernels
  /** Filled with zeros, since a memory is grown and nothing is freed. */
  f32(length: number): Float32Array
  i32(length: number): Int32Array
  u8(length: number): Uint8Array
}

export interface WorkSettings {
  /** Does without SIMD. */
  readonly scalar?: boolean | undefined
}

export function workMemory(settings: WorkSettings = {}): WorkMemory {
  const memory = openMemory({ bytesMax: 2 ** 32, scalar: settings.scalar })
  const { kernels } = memory.allocate(64)
  return {
    kernels,
    f32: (length) => memory.allocate(length * 4).f32(0, length),
    i32: (length) => memory.allocate(length * 4).i32(0, length),
    u8: (length) => memory.allocate(length).u8,
  }
}
