import type { Metric } from '../../../../src/core/vector-store.ts'
import { type Found, NOTHING_FOUND, type RowSearch } from '../found.ts'
import { TopK } from '../top-k.ts'
import { type FirstPass, openFirstPass, scanPiece } from './first-pass.ts'
import type { CodeBlock } from './flat-block.ts'

/**
 * The `count` best allowed rows as exactly as int8 codes tell, best first, for kinds whose floats are not in memory.
 * Their scores are the first pass's values, which only order rows; the search's own k and floor are not looked at.
 */
export async function searchCodes(
  block: CodeBlock,
  metric: Metric,
  query: Float32Array,
  search: RowSearch,
  count: number,
  signal: AbortSignal,
): Promise<Found> {
  if (count < 1 || search.allowedCount === 0) return NOTHING_FOUND
  const top = new TopK(count, search.isBefore)
  const pass = openFirstPass(block.kernels, metric, query, count)
  try {
    // Both bounds are then the value itself.
    pass.scratch.terms.fill(0, 1)
    const settle = (): void => takeFound(pass, top)
    await scanPiece(pass, { block, first: 0, count: block.count }, search, settle, signal)
  } finally {
    block.kernels.giveScratch(pass.scratch)
  }
  return top.best()
}

function takeFound(pass: FirstPass, top: TopK): void {
  const { rows, bounds } = pass.scratch
  for (let i = 0; i < pass.found; i++) top.add(bounds[i] as number, rows[i] as number)
  pass.found = 0
  if (top.isFull) pass.floor = Math.max(pass.floor, top.worst)
}
