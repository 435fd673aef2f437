import { byScoreThenId, type Candidate, type ChunkId } from '../core/model.ts'
import type { FusionSettings, HitExplanation, LegExplanation } from './request.ts'

export interface RankedLists {
  readonly dense: readonly Candidate[] | null
  readonly lexical: readonly Candidate[] | null
  /** What other wordings of the query found. */
  readonly rewritten?: readonly RewrittenList[] | undefined
}

export interface RewrittenList {
  readonly leg: Leg
  readonly candidates: readonly Candidate[]
  /** Share of the leg's own weight. */
  readonly weight: number
}

/** A candidate on its way through the pipeline. `score` is what fusion gave it and never changes. */
export interface FusedCandidate {
  readonly id: ChunkId
  readonly score: number
  readonly dense: LegExplanation | null
  readonly lexical: LegExplanation | null
  readonly rewrite: HitExplanation['rewrite']
  readonly rerank: (NonNullable<HitExplanation['rerank']> & { relevance: number | null }) | null
}

type Leg = 'dense' | 'lexical'
type Contribution = (candidate: Candidate, rank: number) => number

/**
 * Merges the legs' lists into one; a candidate that a leg lacks gets 0 from it, and ties go by id.
 * - `rrf`: weight / (k + rank), rank from 1 (Cormack et al. 2009).
 * - `convex`: the legs' scores, each scaled to [0, 1] over its own list, averaged by weight (Bruch et al. 2023). A
 *   list's last candidate thus adds 0, and where all scores of a list are equal each of them counts 1.
 *
 * The lists of other wordings are merged in the same way, each by its share of the weight of the leg that found it.
 */
export function fuse(lists: RankedLists, settings: FusionSettings): FusedCandidate[] {
  const { weights } = settings
  const { rewritten = [] } = lists
  const contributionIn = settings.method === 'rrf' ? reciprocalRank : scaledScore
  const total = rewritten.reduce(
    (sum, { leg, weight }) => sum + weights[leg] * weight,
    weights.dense + weights.lexical,
  )
  const fused = new Map<ChunkId, Writable<FusedCandidate>>()
  for (const leg of ['dense', 'lexical'] as const) {
    const candidates = lists[leg]
    if (candidates === null) continue
    addLeg(fused, leg, candidates, contributionIn(candidates, weights[leg], total, settings))
  }
  for (const { leg, candidates, weight } of rewritten) {
    const part = weights[leg] * weight
    addRewritten(fused, candidates, contributionIn(candidates, part, total, settings))
  }
  return [...fused.values()].sort(byScoreThenId)
}

function addLeg(
  fused: Map<ChunkId, Writable<FusedCandidate>>,
  leg: Leg,
  candidates: readonly Candidate[],
  contributionOf: Contribution,
): void {
  for (let rank = 1; rank <= candidates.length; rank++) {
    const candidate = candidates[rank - 1]
    if (candidate === undefined) continue
    const entry = entryOf(fused, candidate.id)
    if (entry[leg] !== null) continue
    const contribution = contributionOf(candidate, rank)
    entry[leg] = { rank, score: candidate.score, contribution }
    entry.score += contribution
  }
}

function addRewritten(
  fused: Map<ChunkId, Writable<FusedCandidate>>,
  candidates: readonly Candidate[],
  contributionOf: Contribution,
): void {
  const seen = new Set<ChunkId>()
  for (const [at, candidate] of candidates.entries()) {
    if (seen.has(candidate.id)) continue
    seen.add(candidate.id)
    const entry = entryOf(fused, candidate.id)
    const contribution = contributionOf(candidate, at + 1)
    entry.rewrite = {
      lists: (entry.rewrite?.lists ?? 0) + 1,
      contribution: (entry.rewrite?.contribution ?? 0) + contribution,
    }
    entry.score += contribution
  }
}

function entryOf(fused: Map<ChunkId, Writable<FusedCandidate>>, id: ChunkId) {
  const known = fused.get(id)
  if (known !== undefined) return known
  const entry = { id, score: 0, dense: null, lexical: null, rewrite: null, rerank: null }
  fused.set(id, entry)
  return entry as Writable<FusedCandidate>
}

function reciprocalRank(
  _candidates: readonly Candidate[],
  weight: number,
  _total: number,
  { k }: FusionSettings,
): Contribution {
  return (_candidate, rank) => weight / (k + rank)
}

function scaledScore(
  candidates: readonly Candidate[],
  weight: number,
  total: number,
): Contribution {
  const share = weight / total
  let lowest = Number.POSITIVE_INFINITY
  let highest = Number.NEGATIVE_INFINITY
  for (const { score } of candidates) {
    lowest = Math.min(lowest, score)
    highest = Math.max(highest, score)
  }
  const range = highest - lowest
  return ({ score }) => share * (range > 0 ? (score - lowest) / range : 1)
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }
