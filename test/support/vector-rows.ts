import { addRow, emptyBitmap } from '../../adapters/stores/local/bitmap.ts'
import type { VectorRows } from '../../adapters/stores/local/dense/dense-segment.ts'
import type { RowSearch } from '../../adapters/stores/local/found.ts'
import type { Metric } from '../../src/core/vector-store.ts'

/** Xorshift; numbers from 0 up to 1. */
export function randomOf(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

export function everyRow(count: number, k: number): RowSearch {
  return {
    k,
    allowed: null,
    allowedCount: count,
    floor: Number.NEGATIVE_INFINITY,
    isBefore: (a, b) => a < b,
  }
}

export function someRows(count: number, share: number, random: () => number): Uint32Array {
  const bitmap = emptyBitmap(count)
  for (let row = 0; row < count; row++) if (random() < share) addRow(bitmap, row)
  return bitmap
}

/** Vectors in random directions, of about the lengths that are given. */
export function wildRows(
  metric: Metric,
  dimensions: number,
  count: number,
  length: () => number,
  random: () => number,
): VectorRows {
  const floats = new Float32Array(count * dimensions)
  for (let row = 0; row < count; row++) {
    const scale = length()
    for (let i = 0; i < dimensions; i++) floats[row * dimensions + i] = (random() - 0.5) * scale
  }
  return { count, dimensions, metric, floats }
}
