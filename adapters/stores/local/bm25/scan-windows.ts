import { isTurnOver, nextTurn } from '../../../../src/core/turns.ts'
import { type Bitmap, hasRow } from '../bitmap.ts'
import type { Candidates } from './candidates.ts'
import { endOfWindow, type TermCursor } from './plan.ts'
import { type PostingArrays, seek, WINDOW_BITS, WINDOW_ROWS } from './postings-blocks.ts'

/** With more terms in a window, finding out which of them could be left out costs more than it saves. */
const SORTED_MAX = 64
/** Terms are left out only where they hold so many times the postings of the others. */
const LEFT_OUT_RATIO = 4
/** A row is looked up in a list of so many more postings than there are rows to look up; else the list is added. */
const LOOKUP_RATIO = 8
/** Skipped windows between two looks at the clock. */
const SKIPS_PER_CHECK = 32

/**
 * What a window is computed in. One for all searches, since none pauses within a window; constants, since optimised
 * code reaches those quickest.
 */
const SUMS = new Int32Array(WINDOW_ROWS)
/** Rows of the window whose sum went above what was asked for, each once. */
const CROSSED = new Uint16Array(WINDOW_ROWS)

/**
 * Gives the candidates every row that can be among the best: block-max MaxScore over windows of rows (Mallia et al.,
 * "Faster BlockMax WAND with variable-sized blocks", 2017, for the bounds; Turtle and Flood, 1995, for MaxScore). A
 * window whose terms together cannot pass the cut is skipped; in the others, terms that cannot make a candidate by
 * themselves are looked up for the candidates that the other terms make.
 */
export async function scanWindows(
  postings: PostingArrays,
  cursors: readonly TermCursor[],
  candidates: Candidates,
  allowed: Bitmap | null,
  signal: AbortSignal,
): Promise<void> {
  const present: TermCursor[] = []
  const windowCount = Math.ceil(postings.lengths.length / WINDOW_ROWS)
  let untilCheck = SKIPS_PER_CHECK
  for (let window = 0; window < windowCount; window++) {
    const bound = gather(postings, cursors, window, present)
    untilCheck -= 1
    if (bound > candidates.cut && holdsAllowed(allowed, window)) {
      scanWindow(postings, present, window, candidates, allowed)
      untilCheck = 0
    }
    if (untilCheck > 0) continue
    untilCheck = SKIPS_PER_CHECK
    if (isTurnOver()) await nextTurn(signal)
  }
}

/** Moves the cursors to the window; gives the most that a row in it can have. */
function gather(
  postings: PostingArrays,
  cursors: readonly TermCursor[],
  window: number,
  present: TermCursor[],
): number {
  let total = 0
  let count = 0
  for (let i = 0; i < cursors.length; i++) {
    const cursor = cursors[i] as TermCursor
    const impact =
      cursor.directoryTo > 0
        ? enterByDirectory(postings, cursor, window)
        : enterByRows(postings, cursor, window)
    if (impact === 0) continue
    cursor.bound = Math.imul(cursor.boundWeight, impact)
    total += cursor.bound
    present[count++] = cursor
  }
  present.length = count
  return total
}

/** Gives the largest impact in the window, 0 where the term has no posting there. */
function enterByDirectory(postings: PostingArrays, cursor: TermCursor, window: number): number {
  const at = cursor.directoryAt
  if (at === cursor.directoryTo || postings.windows[at] !== window) return 0
  cursor.start = postings.windowPostings[at] as number
  cursor.end = endOfWindow(postings, cursor, at)
  cursor.directoryAt = at + 1
  return postings.windowImpacts[at] as number
}

function enterByRows({ rows, impacts }: PostingArrays, cursor: TermCursor, window: number): number {
  const rowEnd = (window + 1) * WINDOW_ROWS
  let posting = cursor.postingAt
  let largest = 0
  for (; posting < cursor.to && (rows[posting] as number) < rowEnd; posting++)
    largest = Math.max(largest, impacts[posting] as number)
  cursor.start = cursor.postingAt
  cursor.end = posting
  cursor.postingAt = posting
  return largest
}

function holdsAllowed(allowed: Bitmap | null, window: number): boolean {
  if (allowed === null) return true
  const end = Math.min(allowed.length, (window + 1) << (WINDOW_BITS - 5))
  for (let word = window << (WINDOW_BITS - 5); word < end; word++)
    if (allowed[word] !== 0) return true
  return false
}

function scanWindow(
  postings: PostingArrays,
  present: TermCursor[],
  window: number,
  candidates: Candidates,
  allowed: Bitmap | null,
): void {
  const base = window * WINDOW_ROWS
  const { cut } = candidates
  let needed = neededOf(present, cut)
  SUMS.fill(0)
  let count = allowed === null ? 0 : crossAllowed(allowed, window, postingsOf(present, needed))
  if (count > 0) needed = 0
  let rest = 0
  for (let i = needed; i < present.length; i++) rest += (present[i] as TermCursor).bound
  if (needed > 0) {
    count = addNeeded(postings, present, needed, base, cut - rest)
    if (allowed !== null) count = keepAllowed(allowed, base, count)
  }
  for (let i = needed; i < present.length && count > 0; i++) {
    const cursor = present[i] as TermCursor
    rest -= cursor.bound
    if (count * LOOKUP_RATIO < cursor.end - cursor.start) lookUp(postings, cursor, base, count)
    else addAll(postings, cursor, base)
    count = keepAbove(cut - rest, count)
  }
  offer(count, base, candidates)
}

/**
 * Adds up the first terms; gives how many rows went above the cut. The least terms come first, which are mostly the
 * longest: as long as all so far cannot pass the cut together, no row needs to be looked at.
 */
function addNeeded(
  postings: PostingArrays,
  present: readonly TermCursor[],
  needed: number,
  base: number,
  cut: number,
): number {
  let reach = 0
  let count = 0
  for (let i = needed - 1; i >= 0; i--) {
    const cursor = present[i] as TermCursor
    reach += cursor.bound
    if (reach <= cut) addAll(postings, cursor, base)
    else count = addNoting(postings, cursor, base, cut, count)
  }
  return count
}

/**
 * Where the window's allowed rows are few beside the postings that would be added up, they are the rows to look at
 * from the first term on; gives how many, 0 where they are not few.
 */
function crossAllowed(allowed: Bitmap, window: number, postingCount: number): number {
  const few = Math.ceil(postingCount / LOOKUP_RATIO)
  const from = window << (WINDOW_BITS - 5)
  const end = Math.min(allowed.length, from + (WINDOW_ROWS >>> 5))
  let count = 0
  for (let word = from; word < end; word++)
    for (let bits = allowed[word] as number; bits !== 0; bits &= bits - 1) {
      if (count === few) return 0
      CROSSED[count++] = ((word - from) << 5) + 31 - Math.clz32(bits & -bits)
    }
  return count
}

function postingsOf(present: readonly TermCursor[], count: number): number {
  let total = 0
  for (let i = 0; i < count; i++) {
    const { start, end } = present[i] as TermCursor
    total += end - start
  }
  return total
}

/** Sorts the terms and gives how many of them have to be added up; the others together can't pass the cut. */
function neededOf(present: TermCursor[], cut: number): number {
  if (present.length > SORTED_MAX) return present.length
  sortByBound(present)
  let needed = present.length
  let rest = 0
  for (; needed > 0; needed--) {
    rest += (present[needed - 1] as TermCursor).bound
    if (rest > cut) break
  }
  return isWorthLeavingOut(present, needed) ? needed : present.length
}

/** Those who can add the most come first. */
function sortByBound(present: TermCursor[]): void {
  for (let i = 1; i < present.length; i++) {
    const cursor = present[i] as TermCursor
    let at = i
    for (; at > 0 && (present[at - 1] as TermCursor).bound < cursor.bound; at--)
      present[at] = present[at - 1] as TermCursor
    present[at] = cursor
  }
}

function isWorthLeavingOut(present: readonly TermCursor[], needed: number): boolean {
  return postingsOf(present, needed) * LEFT_OUT_RATIO <= postingsOf(present, present.length)
}

/**
 * Adds a term's bounds to the sums. Four postings at a time, which are of four rows, take half the time of one by one.
 */
function addAll(
  { rows, impacts }: PostingArrays,
  { start, end, boundWeight: weight }: TermCursor,
  base: number,
): void {
  let at = start
  for (; at + 3 < end; at += 4) {
    const row0 = ((rows[at] as number) - base) | 0
    const row1 = ((rows[at + 1] as number) - base) | 0
    const row2 = ((rows[at + 2] as number) - base) | 0
    const row3 = ((rows[at + 3] as number) - base) | 0
    const sum0 = (SUMS[row0] as number) + Math.imul(weight, impacts[at] as number)
    const sum1 = (SUMS[row1] as number) + Math.imul(weight, impacts[at + 1] as number)
    const sum2 = (SUMS[row2] as number) + Math.imul(weight, impacts[at + 2] as number)
    const sum3 = (SUMS[row3] as number) + Math.imul(weight, impacts[at + 3] as number)
    SUMS[row0] = sum0
    SUMS[row1] = sum1
    SUMS[row2] = sum2
    SUMS[row3] = sum3
  }
  for (; at < end; at++) {
    const row = ((rows[at] as number) - base) | 0
    SUMS[row] = (SUMS[row] as number) + Math.imul(weight, impacts[at] as number)
  }
}

/**
 * Adds as `addAll` does, and appends to `CROSSED` the rows whose sums go above `cut` by it; gives how many are there. To
 * add first and look through the postings then was slower, hence the loop of its own.
 */
function addNoting(
  { rows, impacts }: PostingArrays,
  { start, end, boundWeight: weight }: TermCursor,
  base: number,
  cut: number,
  countBefore: number,
): number {
  let count = countBefore
  let at = start
  for (; at + 3 < end; at += 4) {
    const row0 = ((rows[at] as number) - base) | 0
    const row1 = ((rows[at + 1] as number) - base) | 0
    const row2 = ((rows[at + 2] as number) - base) | 0
    const row3 = ((rows[at + 3] as number) - base) | 0
    const old0 = SUMS[row0] as number
    const old1 = SUMS[row1] as number
    const old2 = SUMS[row2] as number
    const old3 = SUMS[row3] as number
    const sum0 = (old0 + Math.imul(weight, impacts[at] as number)) | 0
    const sum1 = (old1 + Math.imul(weight, impacts[at + 1] as number)) | 0
    const sum2 = (old2 + Math.imul(weight, impacts[at + 2] as number)) | 0
    const sum3 = (old3 + Math.imul(weight, impacts[at + 3] as number)) | 0
    SUMS[row0] = sum0
    SUMS[row1] = sum1
    SUMS[row2] = sum2
    SUMS[row3] = sum3
    count = note(row0, old0, sum0, cut, count)
    count = note(row1, old1, sum1, cut, count)
    count = note(row2, old2, sum2, cut, count)
    count = note(row3, old3, sum3, cut, count)
  }
  for (; at < end; at++) {
    const row = ((rows[at] as number) - base) | 0
    const old = SUMS[row] as number
    const sum = (old + Math.imul(weight, impacts[at] as number)) | 0
    SUMS[row] = sum
    count = note(row, old, sum, cut, count)
  }
  return count
}

/** Appends a row whose sum has just gone above the cut; gives how many have. */
function note(row: number, old: number, sum: number, cut: number, count: number): number {
  if (sum <= cut || old > cut) return count
  CROSSED[count] = row
  return count + 1
}

function lookUp(
  { rows, impacts }: PostingArrays,
  { start, end, boundWeight }: TermCursor,
  base: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    const row = CROSSED[i] as number
    const posting = seek(rows, start, end, base + row)
    if (posting < end && rows[posting] === base + row)
      SUMS[row] = (SUMS[row] as number) + Math.imul(boundWeight, impacts[posting] as number)
  }
}

/** Gives how many of the crossed rows are left. */
function keepAbove(cut: number, count: number): number {
  let kept = 0
  for (let i = 0; i < count; i++) {
    const row = CROSSED[i] as number
    if ((SUMS[row] as number) > cut) CROSSED[kept++] = row
  }
  return kept
}

function keepAllowed(allowed: Bitmap, base: number, count: number): number {
  let kept = 0
  for (let i = 0; i < count; i++) {
    const row = CROSSED[i] as number
    if (hasRow(allowed, base + row)) CROSSED[kept++] = row
  }
  return kept
}

function offer(count: number, base: number, candidates: Candidates): void {
  for (let i = 0; i < count; i++) {
    const row = CROSSED[i] as number
    const bound = SUMS[row] as number
    if (bound > candidates.cut) candidates.add(base + row, bound)
  }
}
