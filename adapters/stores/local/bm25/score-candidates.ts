import { isTurnOver, nextTurn } from '../../../../src/core/turns.ts'
import type { TopK } from '../top-k.ts'
import { endOfWindow, type TermCursor } from './plan.ts'
import { type PostingArrays, seek, WINDOW_BITS } from './postings-blocks.ts'
import { postingScore, type RowScorer } from './row-scorer.ts'

const ROWS_PER_CHECK = 32

/** Scores rows exactly and offers them; rows come window by window, and the cursors are rewound. */
export async function scoreCandidates(
  scorer: RowScorer,
  cursors: readonly TermCursor[],
  rows: Uint32Array,
  floor: number,
  top: TopK,
  signal: AbortSignal,
): Promise<void> {
  let window = -1
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    if (row >>> WINDOW_BITS !== window) {
      window = row >>> WINDOW_BITS
      moveTo(scorer.postings, cursors, window)
    }
    const score = scoreOf(scorer, cursors, row)
    if (score >= floor) top.add(score, row)
    if (i % ROWS_PER_CHECK === 0 && isTurnOver()) await nextTurn(signal)
  }
}

/** Terms without a directory have so few postings that all of them stay at hand. */
function moveTo(postings: PostingArrays, cursors: readonly TermCursor[], window: number): void {
  for (const cursor of cursors) {
    if (cursor.directoryTo === 0) continue
    let at = cursor.directoryAt
    while (at < cursor.directoryTo && (postings.windows[at] as number) < window) at++
    cursor.directoryAt = at
    const isThere = at < cursor.directoryTo && postings.windows[at] === window
    cursor.start = isThere ? (postings.windowPostings[at] as number) : 0
    cursor.end = isThere ? endOfWindow(postings, cursor, at) : 0
  }
}

function scoreOf(scorer: RowScorer, cursors: readonly TermCursor[], row: number): number {
  const { rows } = scorer.postings
  let score = 0
  for (let i = 0; i < cursors.length; i++) {
    const { start, end, weight } = cursors[i] as TermCursor
    const posting = seek(rows, start, end, row)
    if (posting < end && rows[posting] === row) score += postingScore(scorer, posting, row, weight)
  }
  return score
}
