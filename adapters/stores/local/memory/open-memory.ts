import { QuarryError } from '../../../../src/core/errors.ts'
import { Arena, alignedBytes, REGION_BYTES_MAX } from './arena.ts'
import type { Memory, Region } from './memory.ts'

export interface MemorySettings {
  readonly bytesMax: number
  /** Of the regions in one arena; less than what 32 bits can address only in tests. */
  readonly arenaBytesMax?: number | undefined
  /** Does without SIMD. */
  readonly scalar?: boolean | undefined
}

export function openMemory(settings: MemorySettings): Memory {
  const { bytesMax, scalar = false } = settings
  const arenaBytesMax = Math.min(settings.arenaBytesMax ?? REGION_BYTES_MAX, REGION_BYTES_MAX)
  const arenas: Arena[] = []
  let bytesUsed = 0

  const takeFrom = (bytes: number): { arena: Arena; start: number } | null => {
    if (bytes > Math.min(arenaBytesMax, bytesMax - bytesUsed)) return null
    for (const arena of arenas) {
      const start = arena.take(bytes)
      if (start !== null) return { arena, start }
    }
    const arena = new Arena(arenaBytesMax, scalar)
    const start = arena.take(bytes)
    if (start === null) return null
    arenas.push(arena)
    return { arena, start }
  }

  return {
    bytesMax,
    get bytesUsed() {
      return bytesUsed
    },
    note(bytes) {
      bytesUsed += bytes
    },
    allocate(asked) {
      const bytes = alignedBytes(asked)
      const taken = takeFrom(bytes)
      if (taken === null)
        throw new QuarryError(
          'unavailable',
          `${bytes} bytes do not fit in the engine's memory: ${bytesUsed} of ${bytesMax} are in use, and a piece has at most ${arenaBytesMax}`,
          { details: { asked: bytes, used: bytesUsed, max: bytesMax, piece_max: arenaBytesMax } },
        )
      bytesUsed += bytes
      return regionOf(taken.arena, taken.start, asked, () => {
        bytesUsed -= bytes
      })
    },
  }
}

function regionOf(arena: Arena, start: number, bytes: number, onFree: () => void): Region {
  const { buffer } = arena
  let isFree = false
  return {
    bytes,
    kernels: arena.kernels,
    u8: new Uint8Array(buffer, start, bytes),
    i8: (offset, length) => new Int8Array(buffer, start + offset, length),
    u16: (offset, length) => new Uint16Array(buffer, start + offset, length),
    i32: (offset, length) => new Int32Array(buffer, start + offset, length),
    u32: (offset, length) => new Uint32Array(buffer, start + offset, length),
    f32: (offset, length) => new Float32Array(buffer, start + offset, length),
    f64: (offset, length) => new Float64Array(buffer, start + offset, length),
    free() {
      if (isFree) throw new QuarryError('internal', 'a region was freed twice')
      isFree = true
      arena.give(start)
      onFree()
    },
  }
}
