import type { LexicalSpec } from '../../../../src/core/vector-store.ts'
import type { BlockReader } from '../blocks.ts'
import { type Found, NOTHING_FOUND } from '../found.ts'
import type { Kernels } from '../memory/kernels.ts'
import { TopK } from '../top-k.ts'
import { bestFirst } from './best-first.ts'
import { Candidates } from './candidates.ts'
import { keptNorms } from './formula.ts'
import { planSearch, rewind, type SearchPlan } from './plan.ts'
import { fromBlocks } from './postings-blocks.ts'
import type { RowScorer } from './row-scorer.ts'
import { scanWindows } from './scan-windows.ts'
import { rowsOf, scoreAllowed } from './score-allowed.ts'
import { scoreCandidates } from './score-candidates.ts'
import type { LexicalSearch, NumberedPostings } from './segment-postings.ts'
import { findTerm } from './term-table.ts'
import { unitOf } from './weighted-terms.ts'
import { WindowSums } from './window-sums.ts'

/** Going from allowed row to allowed row pays where so many times as many postings would be scanned. */
const ALLOWED_RATIO = 16

/**
 * The postings of a segment of `count` rows, built under the same spec; the blocks lie in the kernels' memory.
 * @throws QuarryError `internal` where the blocks are not those of such a segment
 */
export function openPostings(
  blocks: BlockReader,
  count: number,
  spec: LexicalSpec,
  kernels: Kernels,
): NumberedPostings {
  const postings = fromBlocks(blocks, count)
  const unit = unitOf(spec)
  const normsAt = keptNorms(spec)
  return {
    lengthTotal: postings.lengthTotal,
    termCount: postings.starts.length - 1,
    termNumber: (term) => findTerm(postings.terms, term),
    documentFrequency(term) {
      const id = findTerm(postings.terms, term)
      return id < 0 ? 0 : (postings.starts[id + 1] as number) - (postings.starts[id] as number)
    },
    search: (search, signal) =>
      searchPostings(
        { postings, unit, norms: normsAt(search.averageLength) },
        kernels,
        search,
        signal,
      ),
  }
}

async function searchPostings(
  scorer: RowScorer,
  kernels: Kernels,
  search: LexicalSearch,
  signal: AbortSignal,
): Promise<Found> {
  const k = Math.min(search.k, search.allowedCount)
  const plan = k > 0 ? planSearch(scorer.postings, search, k) : null
  if (plan === null) return NOTHING_FOUND
  const { allowed, allowedCount, floor, isBefore } = search
  const top = new TopK(k, isBefore)
  if (allowed !== null && areFew(allowedCount, plan)) {
    await scoreAllowed(scorer, plan.cursors, rowsOf(allowed, allowedCount), floor, top, signal)
  } else {
    const candidates = new Candidates(plan, k, floor)
    const sums = new WindowSums(scorer.postings, kernels)
    try {
      await scanWindows(scorer.postings, plan.cursors, sums, candidates, allowed, signal)
    } finally {
      sums.free()
    }
    rewind(plan.cursors)
    await scoreCandidates(scorer, plan.cursors, candidates.rows(), floor, top, signal)
  }
  return bestFirst(top, isBefore)
}

function areFew(allowedCount: number, { cursors, postingCount }: SearchPlan): boolean {
  const steps = cursors.reduce((sum, { from, to }) => sum + Math.min(allowedCount, to - from), 0)
  return steps * ALLOWED_RATIO < postingCount
}
