import { isTurnOver, nextTurn } from '../../../../src/core/turns.ts'
import type { Bitmap } from '../bitmap.ts'
import type { TopK } from '../top-k.ts'
import { seek } from './postings-blocks.ts'
import { postingScore, type RowScorer } from './row-scorer.ts'

const STEPS_PER_CHECK = 2_048

/** The postings of one term. */
export interface TermPostings {
  readonly weight: number
  readonly from: number
  readonly to: number
}

/** Scores all allowed rows, term by term, going from one row that a term and the allowed rows share to the next. */
export async function scoreAllowed(
  scorer: RowScorer,
  terms: readonly TermPostings[],
  allowed: Uint32Array,
  floor: number,
  top: TopK,
  signal: AbortSignal,
): Promise<void> {
  const scores = new Float64Array(allowed.length)
  for (const term of terms) {
    let place: Place | null = { at: 0, posting: term.from }
    while (place !== null) {
      place = addShared(scorer, term, allowed, scores, place)
      if (isTurnOver()) await nextTurn(signal)
    }
  }
  for (let from = 0; from < allowed.length; from += STEPS_PER_CHECK) {
    offer(allowed, scores, from, floor, top)
    if (isTurnOver()) await nextTurn(signal)
  }
}

function offer(
  allowed: Uint32Array,
  scores: Float64Array,
  from: number,
  floor: number,
  top: TopK,
): void {
  const to = Math.min(allowed.length, from + STEPS_PER_CHECK)
  for (let at = from; at < to; at++) {
    const score = scores[at] as number
    if (score > 0 && score >= floor) top.add(score, allowed[at] as number)
  }
}

interface Place {
  readonly at: number
  readonly posting: number
}

/** Takes a slice's worth of steps; null when the term or the rows have come to their end. */
function addShared(
  scorer: RowScorer,
  { weight, to }: TermPostings,
  allowed: Uint32Array,
  scores: Float64Array,
  { at: atBefore, posting: postingBefore }: Place,
): Place | null {
  const { rows } = scorer.postings
  let [at, posting] = [atBefore, postingBefore]
  for (let step = 0; step < STEPS_PER_CHECK && at < allowed.length && posting < to; step++) {
    const wanted = allowed[at] as number
    const row = rows[posting] as number
    if (row < wanted) posting = gallop(rows, posting + 1, to, wanted)
    else if (row > wanted) at = gallop(allowed, at + 1, allowed.length, row)
    else {
      scores[at] = (scores[at] as number) + postingScore(scorer, posting, row, weight)
      at += 1
      posting += 1
    }
  }
  return at < allowed.length && posting < to ? { at, posting } : null
}

/** The first place from `from` on whose row is not below `row`; quick where it is near. */
function gallop(rows: Uint32Array, from: number, to: number, row: number): number {
  let step = 1
  let low = from
  while (low + step < to && (rows[low + step] as number) < row) {
    low += step
    step *= 2
  }
  return seek(rows, low, Math.min(to, low + step), row)
}

/** The rows of a bitmap, in order. */
export function rowsOf(bitmap: Bitmap, count: number): Uint32Array {
  const rows = new Uint32Array(count)
  let to = 0
  for (let word = 0; word < bitmap.length; word++) {
    for (let bits = bitmap[word] as number; bits !== 0; bits &= bits - 1)
      rows[to++] = word * 32 + 31 - Math.clz32(bits & -bits)
  }
  return rows.subarray(0, to)
}
