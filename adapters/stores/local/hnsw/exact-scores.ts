import type { Metric } from '../../../../src/core/vector-store.ts'

/** A query and its length, for scores in double precision: cosine; dot product; minus the Euclidean distance. */
export interface ExactQuery {
  readonly metric: Metric
  readonly vector: Float32Array
  readonly norm: number
}

export function exactQuery(metric: Metric, vector: Float32Array): ExactQuery {
  return { metric, vector, norm: Math.sqrt(squaredLength(vector)) }
}

/** The score of the vector that begins at `from`. */
export function exactScore(
  { metric, vector, norm }: ExactQuery,
  floats: Float32Array,
  from: number,
): number {
  let dot = 0
  let length = 0
  let distance = 0
  for (let i = 0; i < vector.length; i++) {
    const a = vector[i] as number
    const b = floats[from + i] as number
    dot += a * b
    length += b * b
    distance += (a - b) * (a - b)
  }
  switch (metric) {
    case 'cosine':
      return dot / (norm * Math.sqrt(length))
    case 'dot':
      return dot
    case 'l2':
      return -Math.sqrt(distance)
  }
}

/** Writes a vector as hnswlib takes it: an array of numbers, of length 1 for cosine. */
export function copyPoint(floats: Float32Array, from: number, unit: boolean, into: number[]): void {
  let scale = 1
  if (unit) {
    let squared = 0
    for (let i = 0; i < into.length; i++) {
      const x = floats[from + i] as number
      squared += x * x
    }
    scale = 1 / Math.sqrt(squared)
  }
  for (let i = 0; i < into.length; i++) into[i] = (floats[from + i] as number) * scale
}

function squaredLength(vector: Float32Array): number {
  let squared = 0
  for (let i = 0; i < vector.length; i++) squared += (vector[i] as number) ** 2
  return squared
}
