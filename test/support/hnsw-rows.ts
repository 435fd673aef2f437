import { fullBitmap, hasRow } from '../../adapters/stores/local/bitmap.ts'
import type { VectorRows } from '../../adapters/stores/local/dense/dense-segment.ts'
import type { RowSearch } from '../../adapters/stores/local/found.ts'
import type { Metric } from '../../src/core/vector-store.ts'

/** Numbers of a fixed sequence in [0, 1) (mulberry32). */
export function sequence(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export interface Clustered {
  readonly rows: VectorRows
  readonly clusterOf: Uint8Array
  readonly queries: readonly Float32Array[]
}

/** Vectors around some centres, of lengths between 1 and 2. */
export function clustered(count: number, metric: Metric, seed = 7, dimensions = 32): Clustered {
  const random = sequence(seed)
  const gauss = (): number =>
    Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const centres = Array.from({ length: 12 }, () => Float64Array.from({ length: dimensions }, gauss))
  const clusterOf = new Uint8Array(count)
  const floats = new Float32Array(count * dimensions)
  const draw = (cluster: number, into: Float32Array): void => {
    const noisy = Float64Array.from(centres[cluster] ?? [], (x) => x + gauss() * 0.8)
    const scale = (1 + random()) / Math.hypot(...noisy)
    into.set(Float32Array.from(noisy, (x) => x * scale))
  }
  for (let row = 0; row < count; row++) {
    clusterOf[row] = Math.floor(random() * centres.length)
    draw(clusterOf[row] ?? 0, floats.subarray(row * dimensions, (row + 1) * dimensions))
  }
  const queries = Array.from({ length: 40 }, () => {
    const query = new Float32Array(dimensions)
    draw(Math.floor(random() * centres.length), query)
    return query
  })
  return { rows: { count, dimensions, metric, floats }, clusterOf, queries }
}

export function scoreOf(
  { metric, dimensions, floats }: VectorRows,
  query: Float32Array,
  row: number,
): number {
  let dot = 0
  let lengths = [0, 0]
  let distance = 0
  for (let i = 0; i < dimensions; i++) {
    const a = query[i] ?? 0
    const b = floats[row * dimensions + i] ?? 0
    dot += a * b
    lengths = [(lengths[0] ?? 0) + a * a, (lengths[1] ?? 0) + b * b]
    distance += (a - b) ** 2
  }
  if (metric === 'dot') return dot
  if (metric === 'l2') return -Math.sqrt(distance)
  return dot / Math.sqrt((lengths[0] ?? 0) * (lengths[1] ?? 0))
}

/** The exact answer: all allowed rows, sorted. */
export function oracle(rows: VectorRows, query: Float32Array, search: RowSearch): number[] {
  const allowed = search.allowed ?? fullBitmap(rows.count)
  const scored: { row: number; score: number }[] = []
  for (let row = 0; row < rows.count; row++)
    if (hasRow(allowed, row)) scored.push({ row, score: scoreOf(rows, query, row) })
  scored.sort((a, b) => b.score - a.score || (search.isBefore(a.row, b.row) ? -1 : 1))
  return scored.slice(0, search.k).map(({ row }) => row)
}

/** Random whole numbers from 0 on. */
export function whole(count: number, below: number, random: () => number): number[] {
  return Array.from({ length: count }, () => Math.floor(random() * below))
}
