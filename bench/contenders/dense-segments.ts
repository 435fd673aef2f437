import type { DenseSegment, VectorRows } from '../../adapters/stores/local/dense/dense-segment.ts'
import type { VectorFacts } from '../../adapters/stores/local/dense/flat.ts'
import type { Region } from '../../adapters/stores/local/memory/memory.ts'
import type { VectorSet } from '../data/vectors.ts'
import type { Lane } from '../measure/lanes.ts'

const { signal } = new AbortController()

export function vectorRows({ count, dimensions, base }: VectorSet): VectorRows {
  return { count, dimensions, metric: 'cosine', floats: base }
}

export function factsOf({ count, dimensions }: VectorSet, { kernels }: Region): VectorFacts {
  return { count, dimensions, metric: 'cosine', kernels }
}

/** Searches of all rows, as a shard of one segment makes them. */
export function laneOver(segment: DenseSegment, { queries, count }: VectorSet, k: number): Lane {
  const isBefore = (row: number, other: number): boolean => row < other
  const all = { k, allowed: null, allowedCount: count, floor: Number.NEGATIVE_INFINITY, isBefore }
  return async (query) => {
    const found = await segment.search(queries[query] as Float32Array, all, signal)
    return found.rows
  }
}
