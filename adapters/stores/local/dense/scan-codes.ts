import { nextTurn } from '../../../../src/core/turns.ts'
import type { Metric } from '../../../../src/core/vector-store.ts'
import type { RowSearch } from '../found.ts'
import { TopK } from '../top-k.ts'
import { type Asked, scoreOfValue, slackOf } from './encode-row.ts'
import { type FirstPass, openFirstPass, openScan, scanOn } from './first-pass.ts'
import type { CodeBlock } from './flat-block.ts'

/** Rows in the order of what their codes say, best first. */
export interface RoundedRows {
  readonly rows: readonly number[]
  /** The score that each row has at most, but for one in a thousand million. */
  readonly scoresMax: readonly number[]
}

/**
 * Standard deviations that a row's score may be above what its codes say. What rounding took from a vector points
 * anywhere, so along the query lies its length divided by √dimensions, in a standard deviation.
 */
const DEVIATIONS = 6

/**
 * The `count` best allowed rows as exactly as int8 codes tell, for kinds whose floats are not in memory; the search's
 * own k and floor are not looked at.
 */
export async function searchCodes(
  block: CodeBlock,
  metric: Metric,
  query: Float32Array,
  search: RowSearch,
  count: number,
  signal: AbortSignal,
): Promise<RoundedRows> {
  if (count < 1 || search.allowedCount === 0) return { rows: [], scoresMax: [] }
  const top = new TopK(count, search.isBefore)
  const pass = openFirstPass(block.kernels, metric, query, count)
  const terms = pass.scratch.terms.slice()
  try {
    // Both bounds are then the value itself.
    pass.scratch.terms.fill(0, 1)
    const settle = (): void => takeFound(pass, top)
    const scan = openScan(pass, { block, first: 0, count: block.count }, search)
    while (!scanOn(scan, settle)) await nextTurn(signal)
  } finally {
    block.kernels.giveScratch(pass.scratch)
  }
  const { rows, scores: values } = top.best()
  return { rows, scoresMax: scoresMaxOf(rows, values, block, terms, pass.asked) }
}

function takeFound(pass: FirstPass, top: TopK): void {
  const { rows, bounds } = pass.scratch
  for (let i = 0; i < pass.found; i++) top.add(bounds[i] as number, rows[i] as number)
  pass.found = 0
  if (top.isFull) pass.floor = Math.max(pass.floor, top.worst)
}

function scoresMaxOf(
  rows: readonly number[],
  values: readonly number[],
  block: CodeBlock,
  terms: Float64Array,
  asked: Asked,
): readonly number[] {
  const share = Math.min(1, DEVIATIONS / Math.sqrt(block.dimensions))
  return rows.map((row, i) => {
    const slack = share * slackOf(block, row, terms)
    return scoreOfValue((values[i] as number) + slack, asked)
  })
}
