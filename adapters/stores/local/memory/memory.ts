import type { Kernels } from './kernels.ts'

/**
 * Memory that the kernels can compute on: a few shared WebAssembly memories of at most 4 GiB, handed out in regions.
 * A region never moves, and views over it stay valid until it is freed.
 */
export interface Memory {
  readonly bytesMax: number
  /** What the regions handed out come to, with what was noted. */
  readonly bytesUsed: number
  /** Counts what lies elsewhere, in V8's own memory, against the same budget; less than 0 when it is given back. */
  note(bytes: number): void
  /**
   * @throws QuarryError `unavailable` where the bytes do not fit below `bytesMax`, saying what was asked and what is left
   */
  allocate(bytes: number): Region
}

export interface Region {
  readonly bytes: number
  /** Bound to the memory that this region is in. */
  readonly kernels: Kernels
  /** All of its bytes. The first is aligned to 64. */
  readonly u8: Uint8Array
  i8(offset: number, length: number): Int8Array
  u16(offset: number, length: number): Uint16Array
  i32(offset: number, length: number): Int32Array
  u32(offset: number, length: number): Uint32Array
  f32(offset: number, length: number): Float32Array
  f64(offset: number, length: number): Float64Array
  /** Freeing twice is an error of the caller (`internal`). */
  free(): void
}
