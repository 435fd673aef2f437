import { QuarryError } from '../../../../src/core/errors.ts'
import type { BlockReader, Blocks } from '../blocks.ts'
import type { TermTable } from './term-table.ts'

/** Rows that one window of the directory spans; a row's place in its window is its lowest 12 bits. */
export const WINDOW_BITS = 12
export const WINDOW_ROWS: number = 2 ** WINDOW_BITS
/** Terms in so many rows have a directory, and the lowest numbers. */
export const FREQUENT_MIN = 64
/** A frequency of so many units or more is found by its posting in `largePostings` and `largeUnits`. */
export const LARGE_UNITS = 255
/** How many best impacts are summed up for a frequent term: what the 10th, the 100th and the 1,000th is at least. */
export const BEST_RANKS = [10, 100, 1_000] as const

/**
 * An inverted index in arrays. Postings of term `t`, in the order of their rows, are those from `starts[t]` to
 * `starts[t + 1]`; a frequent term's windows those from `windowStarts[t]` to `windowStarts[t + 1]`.
 */
export interface PostingArrays {
  readonly terms: TermTable
  readonly starts: Uint32Array
  readonly rows: Uint32Array
  /** How often the term is in the row, in units of `unitOf`; 255 stands for that or more. */
  readonly units: Uint8Array
  /** tf / (tf + norm) at the segment's own average length, in 255ths, rounded up. */
  readonly impacts: Uint8Array
  readonly largePostings: Uint32Array
  readonly largeUnits: Uint32Array
  /** Of each row, as `lengthByte` rounds it. */
  readonly lengths: Uint8Array
  readonly windowStarts: Uint32Array
  readonly windows: Uint16Array
  /** The first posting in the window; what follows the last window's is the term's end. */
  readonly windowPostings: Uint32Array
  /** The largest impact in the window. */
  readonly windowImpacts: Uint8Array
  /** By frequent term and `BEST_RANKS`: the impact of that rank, 0 where the term is in fewer rows. */
  readonly bestImpacts: Uint8Array
  /** Of all rows, not rounded. */
  readonly lengthTotal: number
}

export function toBlocks({ terms, lengthTotal, ...arrays }: PostingArrays): Blocks {
  return {
    ...arrays,
    termStarts: terms.starts,
    termBytes: terms.bytes,
    termSlots: terms.slots,
    facts: Float64Array.of(arrays.lengths.length, lengthTotal, terms.key),
  }
}

/** @throws QuarryError `internal` where the postings are not those of `count` rows */
export function fromBlocks(blocks: BlockReader, count: number): PostingArrays {
  const [rowCount, lengthTotal = 0, key = 0] = blocks.f64('facts')
  const lengths = blocks.u8('lengths')
  if (rowCount !== count || lengths.length !== count)
    throw new QuarryError('internal', `postings of ${rowCount} rows, not of ${count}`)
  return {
    terms: {
      key,
      starts: blocks.u32('termStarts'),
      bytes: blocks.u8('termBytes'),
      slots: blocks.u32('termSlots'),
    },
    starts: blocks.u32('starts'),
    rows: blocks.u32('rows'),
    units: blocks.u8('units'),
    impacts: blocks.u8('impacts'),
    largePostings: blocks.u32('largePostings'),
    largeUnits: blocks.u32('largeUnits'),
    lengths,
    windowStarts: blocks.u32('windowStarts'),
    windows: blocks.u16('windows'),
    windowPostings: blocks.u32('windowPostings'),
    windowImpacts: blocks.u8('windowImpacts'),
    bestImpacts: blocks.u8('bestImpacts'),
    lengthTotal,
  }
}

/** The frequency of a posting, in units. */
export function unitsAt(
  { units, largePostings, largeUnits }: PostingArrays,
  posting: number,
): number {
  const small = units[posting] as number
  if (small < LARGE_UNITS) return small
  let from = 0
  let to = largePostings.length
  while (from < to) {
    const middle = (from + to) >>> 1
    if ((largePostings[middle] as number) < posting) from = middle + 1
    else to = middle
  }
  return largeUnits[from] as number
}

/**
 * The first posting of those from `from` to `to` whose row is not below `row`, or `to`. Halves without a branch, which
 * the processor would guess wrong every other time.
 */
export function seek(rows: Uint32Array, from: number, to: number, row: number): number {
  if (from >= to) return to
  let low = from | 0
  let count = (to - from) | 0
  while (count > 1) {
    const half = count >>> 1
    const isBelow = (((rows[low + half - 1] as number) | 0) - row) >> 31
    low = (low + (half & isBelow)) | 0
    count = (count - half) | 0
  }
  return (rows[low] as number) < row ? low + 1 : low
}
