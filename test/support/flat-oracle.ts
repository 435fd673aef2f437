import { hasRow } from '../../adapters/stores/local/bitmap.ts'
import type { VectorRows } from '../../adapters/stores/local/dense/dense-segment.ts'
import type { Found, RowSearch } from '../../adapters/stores/local/found.ts'

/** The score by its definition, in double precision. */
export function trueScore(rows: VectorRows, query: Float32Array, row: number): number {
  const { dimensions, floats, metric } = rows
  let dot = 0
  let lengths = 0
  let asked = 0
  let apart = 0
  for (let i = 0; i < dimensions; i++) {
    const a = query[i] as number
    const b = floats[row * dimensions + i] as number
    dot += a * b
    asked += a * a
    lengths += b * b
    apart += (a - b) ** 2
  }
  if (metric === 'dot') return dot
  if (metric === 'l2') return 0 - Math.sqrt(apart)
  return lengths === 0 || asked === 0 ? 0 : dot / (Math.sqrt(asked) * Math.sqrt(lengths))
}

/** Sorts all of the allowed rows. */
export function trueBest(rows: VectorRows, query: Float32Array, search: RowSearch): Found {
  const { k, allowed, floor, isBefore } = search
  const scored: { row: number; score: number }[] = []
  for (let row = 0; row < rows.count; row++) {
    if (allowed !== null && !hasRow(allowed, row)) continue
    const score = trueScore(rows, query, row)
    if (score >= floor) scored.push({ row, score })
  }
  scored.sort((a, b) => b.score - a.score || (isBefore(a.row, b.row) ? -1 : 1))
  const best = scored.slice(0, k)
  return {
    rows: best.map(({ row }) => row),
    scores: best.map(({ score }) => score),
    complete: true,
  }
}
