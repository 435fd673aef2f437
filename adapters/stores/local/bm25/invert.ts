import { type Bm25, normsOf, termScore } from './formula.ts'
import {
  BEST_RANKS,
  FREQUENT_MIN,
  LARGE_UNITS,
  type PostingArrays,
  WINDOW_BITS,
} from './postings-blocks.ts'
import { type TermBytes, tableOf } from './term-table.ts'

/** Postings row by row. */
export interface PostingLog {
  readonly count: number
  drain(take: (row: number, term: number, units: number) => void): void
}

export interface LoggedRows {
  readonly log: PostingLog
  readonly terms: TermBytes
  /** In how many rows each term is; one that is in none is left out. */
  readonly frequencies: Uint32Array
  readonly lengths: Uint8Array
  readonly lengthTotal: number
  readonly unit: number
  readonly bm25: Bm25
}

/** Turns the terms of rows into the rows of terms. */
export function invert(logged: LoggedRows): PostingArrays {
  const { terms, frequencies, lengths, lengthTotal } = logged
  const { order, frequentCount } = frequentFirst(frequencies)
  const starts = new Uint32Array(order.length + 1)
  for (let id = 0; id < order.length; id++)
    starts[id + 1] = (starts[id] as number) + (frequencies[order[id] as number] as number)
  const postings = scatter(logged, order, starts)
  return {
    terms: tableOf(terms, order),
    starts,
    ...postings,
    ...directoryOf(starts, postings.rows, postings.impacts, frequentCount),
    bestImpacts: bestImpactsOf(starts, postings.impacts, frequentCount),
    lengths,
    lengthTotal,
  }
}

/** The numbers so far of the terms that are in a row, those with a directory before the others. */
function frequentFirst(frequencies: Uint32Array): {
  readonly order: Uint32Array
  readonly frequentCount: number
} {
  const order = new Uint32Array(frequencies.filter((frequency) => frequency > 0).length)
  let next = 0
  for (let id = 0; id < frequencies.length; id++)
    if ((frequencies[id] as number) >= FREQUENT_MIN) order[next++] = id
  const frequentCount = next
  for (let id = 0; id < frequencies.length; id++) {
    const frequency = frequencies[id] as number
    if (frequency > 0 && frequency < FREQUENT_MIN) order[next++] = id
  }
  return { order, frequentCount }
}

type Scattered = Pick<PostingArrays, 'rows' | 'units' | 'impacts' | 'largePostings' | 'largeUnits'>

/** Rows come in order, so that each term's postings do. */
function scatter(
  { log, frequencies, lengths, lengthTotal, unit, bm25 }: LoggedRows,
  order: Uint32Array,
  starts: Uint32Array,
): Scattered {
  const rows = new Uint32Array(log.count)
  const units = new Uint8Array(log.count)
  const impacts = new Uint8Array(log.count)
  const large: [posting: number, units: number][] = []
  const nextOf = new Uint32Array(frequencies.length)
  for (let id = 0; id < order.length; id++) nextOf[order[id] as number] = starts[id] as number
  const norms = normsOf(bm25, lengthTotal / lengths.length)
  log.drain((row, term, count) => {
    const posting = nextOf[term] as number
    nextOf[term] = posting + 1
    rows[posting] = row
    units[posting] = Math.min(count, LARGE_UNITS)
    if (count >= LARGE_UNITS) large.push([posting, count])
    impacts[posting] = impactOf(termScore(1, count * unit, norms[lengths[row] as number] as number))
  })
  large.sort(([a], [b]) => a - b)
  return {
    rows,
    units,
    impacts,
    largePostings: Uint32Array.from(large, ([posting]) => posting),
    largeUnits: Uint32Array.from(large, ([, count]) => count),
  }
}

/** From above 0 to 1, in 255ths, rounded up. */
function impactOf(score: number): number {
  return Math.min(255, Math.max(1, Math.ceil(score * 255)))
}

type Directory = Pick<
  PostingArrays,
  'windowStarts' | 'windows' | 'windowPostings' | 'windowImpacts'
>

function directoryOf(
  starts: Uint32Array,
  rows: Uint32Array,
  impacts: Uint8Array,
  frequentCount: number,
): Directory {
  const windowStarts = windowStartsOf(starts, rows, frequentCount)
  const count = windowStarts[frequentCount] as number
  const windows = new Uint16Array(count)
  const windowPostings = new Uint32Array(count)
  const windowImpacts = new Uint8Array(count)
  let at = -1
  for (let id = 0; id < frequentCount; id++) {
    const from = starts[id] as number
    const to = starts[id + 1] as number
    for (let posting = from; posting < to; posting++) {
      const window = (rows[posting] as number) >>> WINDOW_BITS
      if (posting === from || window !== windows[at]) {
        at += 1
        windows[at] = window
        windowPostings[at] = posting
      }
      windowImpacts[at] = Math.max(windowImpacts[at] as number, impacts[posting] as number)
    }
  }
  return { windowStarts, windows, windowPostings, windowImpacts }
}

function windowStartsOf(
  starts: Uint32Array,
  rows: Uint32Array,
  frequentCount: number,
): Uint32Array {
  const windowStarts = new Uint32Array(frequentCount + 1)
  for (let id = 0; id < frequentCount; id++) {
    let last = -1
    let count = 0
    for (let posting = starts[id] as number; posting < (starts[id + 1] as number); posting++) {
      const window = (rows[posting] as number) >>> WINDOW_BITS
      if (window !== last) count += 1
      last = window
    }
    windowStarts[id + 1] = (windowStarts[id] as number) + count
  }
  return windowStarts
}

function bestImpactsOf(
  starts: Uint32Array,
  impacts: Uint8Array,
  frequentCount: number,
): Uint8Array {
  const best = new Uint8Array(frequentCount * BEST_RANKS.length)
  const counts = new Uint32Array(256)
  for (let id = 0; id < frequentCount; id++) {
    counts.fill(0)
    for (let posting = starts[id] as number; posting < (starts[id + 1] as number); posting++) {
      const impact = impacts[posting] as number
      counts[impact] = (counts[impact] as number) + 1
    }
    let impact = 256
    let seen = 0
    for (let i = 0; i < BEST_RANKS.length; i++) {
      const rank = BEST_RANKS[i] as number
      while (impact > 0 && seen < rank) seen += counts[--impact] as number
      if (seen >= rank) best[id * BEST_RANKS.length + i] = impact
    }
  }
  return best
}
