import { BEST_RANKS, type PostingArrays } from './postings-blocks.ts'
import type { LexicalSearch } from './segment-postings.ts'
import { findTerm } from './term-table.ts'

/** Upper bounds of scores are whole numbers of at most 31 bits, so that they add up in Int32Arrays. */
const SCALED_MAX = 2 ** 30
const CUT_MAX = 2 ** 31 - 1
/** Far above what rounding in double precision adds up to, far below what would let in more rows. */
const SLACK = 1e-9

/** A term of the query that the segment holds, and how far a search has come in its postings. */
export interface TermCursor {
  readonly weight: number
  /** An impact times this is the most that the term adds to a bound. */
  readonly boundWeight: number
  readonly from: number
  readonly to: number
  /** The term's part of the directory; empty for a rare term. */
  readonly directoryFrom: number
  readonly directoryTo: number
  postingAt: number
  directoryAt: number
  /** The postings in the window at hand. */
  start: number
  end: number
}

/** How scores and their bounds go together: a bound is a score times a scale, and what rounding up adds. */
export interface SearchPlan {
  /** In the query's order. */
  readonly cursors: readonly TermCursor[]
  readonly postingCount: number
  /** A row whose bound is not above this scores less than `score`. */
  cutOf(score: number): number
  /** What a row of this bound scores at least. */
  scoreOf(bound: number): number
  /** So much the k-th best row scores at least. */
  readonly startScore: number
}

/**
 * Impacts hold for the segment's own average length. At one `stretch` times as long, a term adds at most
 * max(1, stretch) and at least min(1, stretch) times as much.
 */
export function planSearch(
  postings: PostingArrays,
  search: LexicalSearch,
  k: number,
): SearchPlan | null {
  const found = search.terms
    .map(({ term, weight }) => ({ weight, id: findTerm(postings.terms, term) }))
    .filter(({ id }) => id >= 0)
  if (found.length === 0) return null
  const rowCount = postings.lengths.length
  const stretch = (search.averageLength * rowCount) / postings.lengthTotal
  const [lowest, highest] = [Math.min(1, stretch), Math.max(1, stretch)]
  const weights = found.reduce((sum, { weight }) => sum + weight, 0)
  const scale = SCALED_MAX / (weights * highest)
  const perImpact = (scale * highest * (1 + SLACK)) / 255
  const cursors = found.map(({ id, weight }) =>
    cursorOf(postings, id, weight, Math.ceil(weight * perImpact)),
  )
  // Each impact was rounded up by less than 1, and so was each weight.
  const roundedUp = cursors.reduce((sum, { boundWeight }) => sum + boundWeight + 255, 0)
  const leastPerBound = ((lowest / highest) * (1 - 2 * SLACK)) / scale
  const better = bestOf(postings, found, k + rowCount - search.allowedCount)
  return {
    cursors,
    postingCount: cursors.reduce((sum, { from, to }) => sum + to - from, 0),
    cutOf: (score) => Math.min(CUT_MAX, Math.max(0, Math.ceil(score * scale * (1 - SLACK)) - 1)),
    scoreOf: (bound) => (bound - roundedUp) * leastPerBound,
    startScore: better * lowest * (1 - SLACK),
  }
}

function cursorOf(
  postings: PostingArrays,
  id: number,
  weight: number,
  boundWeight: number,
): TermCursor {
  const { starts, windowStarts } = postings
  const from = starts[id] as number
  const isFrequent = id + 1 < windowStarts.length
  const directoryFrom = isFrequent ? (windowStarts[id] as number) : 0
  return {
    weight,
    boundWeight,
    from,
    to: starts[id + 1] as number,
    directoryFrom,
    directoryTo: isFrequent ? (windowStarts[id + 1] as number) : 0,
    postingAt: from,
    directoryAt: directoryFrom,
    start: 0,
    end: 0,
  }
}

/** Where a term's postings in the window end that is at `at` in its directory. */
export function endOfWindow(
  { windowPostings }: PostingArrays,
  { directoryTo, to }: TermCursor,
  at: number,
): number {
  return at + 1 < directoryTo ? (windowPostings[at + 1] as number) : to
}

/** Puts the cursors before the first window again, with all postings of rare terms at hand. */
export function rewind(cursors: readonly TermCursor[]): void {
  for (const cursor of cursors) {
    cursor.postingAt = cursor.from
    cursor.directoryAt = cursor.directoryFrom
    cursor.start = cursor.from
    cursor.end = cursor.to
  }
}

/** What the row of this rank adds by a single term at least; ranks count all rows, those that are not allowed too. */
function bestOf(
  { bestImpacts, windowStarts }: PostingArrays,
  found: readonly { readonly id: number; readonly weight: number }[],
  rank: number,
): number {
  const column = BEST_RANKS.findIndex((known) => known >= rank)
  if (column < 0) return 0
  let best = 0
  for (const { id, weight } of found) {
    if (id + 1 >= windowStarts.length) continue
    const impact = bestImpacts[id * BEST_RANKS.length + column] as number
    best = Math.max(best, (weight * (impact - 1)) / 255)
  }
  return best
}
