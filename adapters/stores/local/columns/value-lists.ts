import { QuarryError } from '../../../../src/core/errors.ts'
import { isTurnOver, nextTurn } from '../../../../src/core/turns.ts'
import type { Bitmap } from '../bitmap.ts'
import type { BlockReader } from '../blocks.ts'

/** Rows added between two looks at the clock: some tens of microseconds. */
const ROWS_PER_CHECK = 16_384

/** The values of one type in every field, in order, and the rows that hold each. */
export interface ValueLists {
  /** Where the values of each field begin; one more than there are fields. */
  readonly fields: Uint32Array
  /** Where the rows of each value begin; one more than there are values. */
  readonly starts: Uint32Array
  /** Ascending within a value. */
  readonly rows: Uint32Array
  /** 1 for each field of which no row has two values. */
  readonly single: Uint8Array
}

/**
 * Neighbouring values of a field, `from` to `to` of the whole table: their rows, too, lie one after another. There are
 * none where `to` is not above `from`.
 */
export interface Span {
  readonly lists: ValueLists
  readonly field: number
  readonly from: number
  readonly to: number
}

/** @throws QuarryError `internal` where the arrays don't fit together */
export function openValueLists(blocks: BlockReader, name: string, fieldCount: number): ValueLists {
  const fields = blocks.u32(`${name}_fields`)
  const starts = blocks.u32(`${name}_starts`)
  const rows = blocks.u32(`${name}_rows`)
  const single = blocks.u8(`${name}_single`)
  const isSound =
    fields.length === fieldCount + 1 &&
    single.length === fieldCount &&
    starts.length === (fields.at(-1) ?? 0) + 1 &&
    starts.at(-1) === rows.length
  if (!isSound)
    throw new QuarryError('internal', `the columns' lists of ${name} values do not fit together`)
  return { fields, starts, rows, single }
}

/** All values of a field. */
export function spanOf(lists: ValueLists, field: number): Span {
  return { lists, field, from: lists.fields[field] ?? 0, to: lists.fields[field + 1] ?? 0 }
}

/** How many rows a span has, none or less where it is empty; a row counts once for each of its values. */
export function rowCountOf({ lists: { starts }, from, to }: Span): number {
  return (starts[to] as number) - (starts[from] as number)
}

export async function addSpan(
  into: Bitmap,
  { lists: { starts, rows }, from, to }: Span,
  signal: AbortSignal,
): Promise<void> {
  const end = starts[to] as number
  for (let at = starts[from] as number; at < end; at += ROWS_PER_CHECK) {
    addRows(into, rows, at, Math.min(end, at + ROWS_PER_CHECK))
    if (isTurnOver()) await nextTurn(signal)
  }
}

function addRows(into: Bitmap, rows: Uint32Array, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const row = rows[i] as number
    into[row >>> 5] = (into[row >>> 5] as number) | (1 << (row & 31))
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
