/** Token vectors in int8: the row of token t begins at t × dimensions and is multiplied by its scale. */
export interface TokenVectors {
  readonly scales: Float32Array
  readonly rows: Int8Array
}

/**
 * Adds the vectors of tokens to a sum. The same bits on every machine: a scale times an int8 is exact in float64, and
 * each sum is an IEEE operation of its own in the order written here, which JavaScript may neither fuse nor change.
 */
export function addTokens(sum: Float64Array, vectors: TokenVectors, ids: Int32Array): void {
  const size = sum.length
  let i = 0
  for (; i + 4 <= ids.length; i += 4) addFour(sum, vectors, ids, i)
  for (; i < ids.length; i += 1) {
    const id = ids[i] as number
    const scale = vectors.scales[id] as number
    for (let d = 0; d < size; d += 1)
      sum[d] = (sum[d] as number) + scale * (vectors.rows[id * size + d] as number)
  }
}

/** Four at a time halve the time: the sum is read and written once for all of them. */
function addFour(
  sum: Float64Array,
  { scales, rows }: TokenVectors,
  ids: Int32Array,
  at: number,
): void {
  const size = sum.length
  const [a, b] = [ids[at] as number, ids[at + 1] as number]
  const [c, d] = [ids[at + 2] as number, ids[at + 3] as number]
  const [scaleA, scaleB] = [scales[a] as number, scales[b] as number]
  const [scaleC, scaleD] = [scales[c] as number, scales[d] as number]
  const [rowA, rowB, rowC, rowD] = [a * size, b * size, c * size, d * size]
  for (let i = 0; i < size; i += 1) {
    const first = scaleA * (rows[rowA + i] as number) + scaleB * (rows[rowB + i] as number)
    const last = scaleC * (rows[rowC + i] as number) + scaleD * (rows[rowD + i] as number)
    sum[i] = (sum[i] as number) + (first + last)
  }
}

/** The sum at length 1. A text that gave none, such as one in an unknown script, gets signs by its hash. */
export function unitVector(sum: Float64Array, text: string): Float32Array {
  let squares = 0
  for (const value of sum) squares += value * value
  return squares > 0 ? scaledTo(sum, Math.sqrt(squares)) : signsOf(text, sum.length)
}

function scaledTo(sum: Float64Array, length: number): Float32Array {
  const vector = new Float32Array(sum.length)
  for (let i = 0; i < sum.length; i += 1) vector[i] = (sum[i] as number) / length
  return vector
}

/** Near the same text only: FNV-1a over its UTF-16 code units seeds Marsaglia's xorshift32. */
function signsOf(text: string, dimensions: number): Float32Array {
  let state = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193)
  state ||= 1
  const part = 1 / Math.sqrt(dimensions)
  return Float32Array.from({ length: dimensions }, () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state < 0 ? -part : part
  })
}
