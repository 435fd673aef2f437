/** Vectors one after another as stored: float32 in the machine's order, which is little-endian wherever Node runs. */
export function packVectors(vectors: readonly Float32Array[]): Uint8Array {
  const bytes = new Uint8Array(vectors.reduce((total, vector) => total + vector.byteLength, 0))
  let offset = 0
  for (const vector of vectors) {
    bytes.set(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength), offset)
    offset += vector.byteLength
  }
  return bytes
}

/** Copies, because a driver's bytes may lie unaligned in a buffer that it uses again. */
export function unpackVector(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer)
}
