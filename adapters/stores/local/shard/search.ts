import type { Filter } from '../../../../src/core/filter.ts'
import {
  byScoreThenId,
  type Candidate,
  type LegResult,
  type UnderFilled,
} from '../../../../src/core/model.ts'
import { countRows } from '../bitmap.ts'
import { type Found, NOTHING_FOUND, type RowSearch } from '../found.ts'
import type { Part } from './part.ts'

export interface ShardQuery {
  readonly k: number
  readonly filter?: Filter | undefined
}

/** A row of one of the parts. */
interface Place {
  readonly part: Part
  readonly row: number
  readonly score: number
}

type SearchPart = (part: Part, search: RowSearch) => Promise<Found>

/**
 * The k best of all parts. Each part is told the k-th best score so far, so that it can leave out what cannot matter;
 * the largest goes first, since it is the likeliest to raise it.
 */
export async function searchParts(
  parts: readonly Part[],
  { k, filter }: ShardQuery,
  searchPart: SearchPart,
  signal: AbortSignal,
): Promise<LegResult> {
  const ends = new Map(parts.map((part) => [part, part.end]))
  const ordered = [...parts].sort((a, b) => b.liveCount - a.liveCount)
  let best: Place[] = []
  let complete = true
  for (const part of ordered) {
    const floor = best.length < k ? Number.NEGATIVE_INFINITY : (best[k - 1]?.score ?? 0)
    const found = await searchOne(
      part,
      ends.get(part) ?? 0,
      { k, filter, floor },
      searchPart,
      signal,
    )
    complete &&= found.complete
    best = mergeBest(best, part, found, k)
  }
  const candidates = named(best, k)
  return { candidates, underFilled: complete ? null : underFilled(candidates.length, k) }
}

async function searchOne(
  part: Part,
  end: number,
  { k, filter, floor }: ShardQuery & { readonly floor: number },
  searchPart: SearchPart,
  signal: AbortSignal,
): Promise<Found> {
  if (part.liveCount === 0) return NOTHING_FOUND
  const allowed = await part.select(filter, end, signal)
  const allowedCount = allowed === null ? end : countRows(allowed)
  if (allowedCount === 0) return NOTHING_FOUND
  const isBefore = (row: number, other: number): boolean => part.isBefore(row, other)
  return await searchPart(part, { k, allowed, allowedCount, floor, isBefore })
}

/** Best first by score alone, cut after the k-th; what ties with the k-th stays, since ids are compared at the end. */
function mergeBest(
  best: readonly Place[],
  part: Part,
  { rows, scores }: Found,
  k: number,
): Place[] {
  if (rows.length === 0) return best as Place[]
  const added = rows.map((row, i) => ({ part, row, score: scores[i] ?? 0 }))
  if (best.length === 0) return added
  const merged = [...best, ...added].sort((a, b) => b.score - a.score)
  if (merged.length <= k) return merged
  const cut = merged[k - 1]?.score ?? 0
  let end = k
  while (end < merged.length && merged[end]?.score === cut) end++
  return merged.slice(0, end)
}

/** Leaves out rows that died after they were scored. */
function named(best: readonly Place[], k: number): Candidate[] {
  const candidates: Candidate[] = []
  for (const { part, row, score } of best)
    if (!part.isDead(row)) candidates.push({ id: part.idAt(row), score })
  return candidates.sort(byScoreThenId).slice(0, k)
}

function underFilled(returned: number, wanted: number): UnderFilled | null {
  return returned >= wanted ? null : { returned, wanted, reason: 'scan_limit' }
}
