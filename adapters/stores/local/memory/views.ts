/** All of one memory, as the kernels without SIMD see it. */
export interface Views {
  readonly buffer: ArrayBufferLike
  readonly i8: Int8Array
  readonly u8: Uint8Array
  readonly i16: Int16Array
  readonly u16: Uint16Array
  readonly i32: Int32Array
  readonly u32: Uint32Array
  readonly f32: Float32Array
  readonly f64: Float64Array
}

export function viewsOf(buffer: ArrayBufferLike): Views {
  return {
    buffer,
    i8: new Int8Array(buffer),
    u8: new Uint8Array(buffer),
    i16: new Int16Array(buffer),
    u16: new Uint16Array(buffer),
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
    f32: new Float32Array(buffer),
    f64: new Float64Array(buffer),
  }
}

/** Whether bit number `at` is set in the bitmap at this address. */
export function isAllowed(u32: Uint32Array, allowed: number, at: number): boolean {
  return (((u32[(allowed >>> 2) + (at >>> 5)] as number) >>> (at & 31)) & 1) === 1
}
