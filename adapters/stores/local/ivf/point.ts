import type { Metric } from '../../../../src/core/vector-store.ts'

/**
 * Writes a vector as the lists know it: of length 1 for cosine, seen from the rows' mean for l2, as it is for dot.
 * What lies behind it in `into` becomes 0. Answers its length before that for cosine, after it for the others.
 */
export function writePoint(
  metric: Metric,
  floats: Float32Array,
  from: number,
  dimensions: number,
  origin: Float32Array | null,
  into: Float32Array,
): number {
  let squares = 0
  for (let j = 0; j < dimensions; j++) {
    const x = (floats[from + j] as number) - (origin === null ? 0 : (origin[j] as number))
    into[j] = x
    squares += x * x
  }
  into.fill(0, dimensions)
  const length = Math.sqrt(squares)
  if (metric === 'cosine' && length > 0)
    for (let j = 0; j < dimensions; j++) into[j] = (into[j] as number) / length
  return length
}

/** The mean of all rows: distances are the same from wherever one looks, and sums of smaller numbers are more exact. */
export function meanOf(floats: Float32Array, count: number, dimensions: number): Float32Array {
  const sums = new Float64Array(dimensions)
  for (let row = 0; row < count; row++)
    for (let j = 0; j < dimensions; j++)
      sums[j] = (sums[j] as number) + (floats[row * dimensions + j] as number)
  return Float32Array.from(sums, (sum) => sum / Math.max(1, count))
}
