import { nextTurn } from '../../../../src/core/turns.ts'
import type { Metric } from '../../../../src/core/vector-store.ts'
import { type Found, NOTHING_FOUND, type RowSearch } from '../found.ts'
import { TopK } from '../top-k.ts'
import { type Asked, leastValue } from './encode-row.ts'
import { type FirstPass, openFirstPass, openScan, type Piece, scanOn } from './first-pass.ts'
import type { FlatBlock } from './flat-block.ts'

/** Rows of one exact comparison: well under a millisecond at 8,192 dimensions. */
const COMPARED_ROWS = 128
/** Of so few rows the most promising are compared first, and what they leave behind need not be. */
const SORTED_MAX = 64

/**
 * The exact best rows. A first pass over int8 codes bounds each row's value from both sides; rows whose upper bound
 * reaches the k-th best lower bound are compared again in double precision.
 */
export async function searchFlat(
  pieces: readonly Piece<FlatBlock>[],
  metric: Metric,
  query: Float32Array,
  search: RowSearch,
  signal: AbortSignal,
): Promise<Found> {
  const { k, allowedCount, floor, isBefore } = search
  if (k < 1 || allowedCount === 0) return NOTHING_FOUND
  const top = new TopK(k, isBefore)
  let pass: FirstPass | undefined
  try {
    for (const piece of pieces) {
      const { kernels } = piece.block
      if (pass?.kernels !== kernels) {
        pass?.kernels.giveScratch(pass.scratch)
        pass = openFirstPass(kernels, metric, query, k)
      }
      const current = pass
      raiseFloor(current, top, floor)
      const scan = openScan(current, piece, search)
      const settle = (): void => compareSome(current, piece, search, top)
      while (!scanOn(scan, settle)) await nextTurn(signal)
    }
  } finally {
    pass?.kernels.giveScratch(pass.scratch)
  }
  return top.best()
}

function raiseFloor(pass: FirstPass, top: TopK, floor: number): void {
  const score = top.isFull ? Math.max(floor, top.worst) : floor
  pass.floor = Math.max(pass.floor, leastValue(score, pass.asked))
}

function compareSome(
  pass: FirstPass,
  { block, first }: Piece<FlatBlock>,
  { k, floor }: RowSearch,
  top: TopK,
): void {
  const { kernels, scratch, asked } = pass
  const { rows, values, query64 } = scratch
  const areFew = pass.found <= SORTED_MAX
  const count = Math.min(areFew ? k : COMPARED_ROWS, pass.found)
  if (areFew) bestLast(pass, count)
  const from = pass.found - count
  const compare = asked.metric === 'l2' ? kernels.run.distanceRows : kernels.run.dotRows
  compare(
    block.floats.byteOffset,
    block.dimensions,
    rows.byteOffset + from * 4,
    count,
    query64.byteOffset,
    values.byteOffset,
  )
  for (let i = 0; i < count; i++) {
    const row = rows[from + i] as number
    const score = scoreOf(asked, values[i] as number, block.norms[row] as number)
    if (score >= floor) top.add(score, first + row)
  }
  pass.found = from
  raiseFloor(pass, top, floor)
}

/** Puts the `count` rows of the highest upper bounds at the end of the list. */
function bestLast({ scratch: { rows, bounds }, found }: FirstPass, count: number): void {
  if (count === found) return
  // Those behind `start` stay sorted; of the others, whoever is above their least changes places with it.
  const start = found - count
  for (let i = found - 2; i >= 0; i--) {
    const row = rows[i] as number
    const bound = bounds[i] as number
    let at = i
    if (i < start) {
      if (bound <= (bounds[start] as number)) continue
      rows[i] = rows[start] as number
      bounds[i] = bounds[start] as number
      at = start
    }
    for (; at + 1 < found && (bounds[at + 1] as number) < bound; at++) {
      rows[at] = rows[at + 1] as number
      bounds[at] = bounds[at + 1] as number
    }
    rows[at] = row
    bounds[at] = bound
  }
}

/** Of an exact dot product, or of an exact squared distance. */
function scoreOf({ metric, norm }: Asked, value: number, rowNorm: number): number {
  if (metric === 'dot') return value
  if (metric === 'l2') return 0 - Math.sqrt(value)
  const lengths = norm * rowNorm
  return lengths === 0 ? 0 : value / lengths
}
