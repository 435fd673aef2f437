import type { Filter, Filterable } from '../../../../src/core/filter.ts'
import { isTurnOver, nextTurn } from '../../../../src/core/turns.ts'
import { addRow, type Bitmap, emptyBitmap } from '../bitmap.ts'
import { predicateOf } from './predicate.ts'

/** Rows between two looks at the clock: even the widest filter takes well under a millisecond for so many. */
const ROWS_PER_CHECK = 32

/** The live rows below `end` that match, looked at one by one: for the few rows of a delta. */
export async function selectRows(
  filter: Filter,
  end: number,
  chunkAt: (row: number) => Filterable | undefined,
  signal: AbortSignal,
): Promise<Bitmap> {
  const rows = emptyBitmap(end)
  const holds = predicateOf(filter)
  for (let row = 0; row < end; row++) {
    const chunk = chunkAt(row)
    if (chunk !== undefined && holds(chunk)) addRow(rows, row)
    if (row % ROWS_PER_CHECK === 0 && isTurnOver()) await nextTurn(signal)
  }
  return rows
}
