import { isTurnOver, nextTurn } from '../../../../src/core/turns.ts'
import type { Bitmap } from '../bitmap.ts'
import type { Candidates } from './candidates.ts'
import { endOfWindow, type TermCursor } from './plan.ts'
import { type PostingArrays, WINDOW_BITS, WINDOW_ROWS } from './postings-blocks.ts'
import type { WindowSums } from './window-sums.ts'

/** Skipped windows between two looks at the clock. */
const SKIPS_PER_CHECK = 32

/**
 * Gives the candidates every row that can be among the best: block-max pruning over windows of rows (Mallia et al.,
 * "Faster BlockMax WAND with variable-sized blocks", 2017, for the bounds). A window whose terms together cannot pass
 * the cut is skipped; in the others all terms are added up. Looking the lesser terms up for the rows that the others
 * make candidates of, as MaxScore does, takes longer than adding everything with the kernels.
 */
export async function scanWindows(
  postings: PostingArrays,
  cursors: readonly TermCursor[],
  sums: WindowSums,
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
      for (let i = 0; i < present.length; i++) sums.add(present[i] as TermCursor, window)
      sums.offer(window, allowed, candidates)
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
    total += Math.imul(cursor.boundWeight, impact)
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
