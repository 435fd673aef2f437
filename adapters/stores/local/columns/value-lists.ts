import { QuarryError } from '../../../../src/core/errors.ts'
import { isTurnOver, nextTurn } from '../../../../src/core/turns.ts'
import { addRow, type Bitmap } from '../bitmap.ts'
import type { BlockReader } from '../blocks.ts'

/** Rows added between two looks at the clock: some tens of microseconds. */
const ROWS_PER_CHECK = 16_384

/** The values of one type in every field, in order, and the rows that hold each. */
export interface ValueLists {
  /** The values of a field are those from `from` to `to`, exclusive. */
  valuesOf(field: number): { readonly from: number; readonly to: number }
  /** Adds the rows of the values `from` to `to` of the whole table. */
  addRows(into: Bitmap, from: number, to: number, signal: AbortSignal): Promise<void>
  /** How many rows these values have; a row counts once for each. */
  countRows(from: number, to: number): number
}

export function openValueLists(blocks: BlockReader, name: string, fieldCount: number): ValueLists {
  const fields = blocks.u32(`${name}_fields`)
  const starts = blocks.u32(`${name}_starts`)
  const rows = blocks.u32(`${name}_rows`)
  const values = fields.at(-1) ?? 0
  if (
    fields.length !== fieldCount + 1 ||
    starts.length !== values + 1 ||
    starts.at(-1) !== rows.length
  )
    throw new QuarryError('internal', `the columns' lists of ${name} values do not fit together`)
  return {
    valuesOf: (field) => ({ from: fields[field] ?? 0, to: fields[field + 1] ?? 0 }),
    async addRows(into, from, to, signal) {
      const end = starts[to] ?? 0
      for (let at = starts[from] ?? 0; at < end; at += ROWS_PER_CHECK) {
        const until = Math.min(end, at + ROWS_PER_CHECK)
        for (let i = at; i < until; i++) addRow(into, rows[i] as number)
        if (isTurnOver()) await nextTurn(signal)
      }
    },
    countRows: (from, to) => (starts[to] ?? 0) - (starts[from] ?? 0),
  }
}

/** The first of `from` to `to` for which `isBelow` no longer holds, by halving. */
export function firstNot(from: number, to: number, isBelow: (at: number) => boolean): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBelow(middle)) low = middle + 1
    else high = middle
  }
  return low
}
