/** The arrays that a segment can hold. Numbers are little-endian on disk and in memory. */
export type BlockData =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array

/** What one part of a segment (its postings, its columns, …) is made of, by the part's own names. */
export type Blocks = Readonly<Record<string, BlockData>>

/** The arrays of one part of an opened segment; views over its memory, never written to. */
export interface BlockReader {
  has(name: string): boolean
  /** @throws QuarryError `internal` where the segment has no such block, or one of another type */
  u8(name: string): Uint8Array
  i8(name: string): Int8Array
  u16(name: string): Uint16Array
  i32(name: string): Int32Array
  u32(name: string): Uint32Array
  f32(name: string): Float32Array
  f64(name: string): Float64Array
}
