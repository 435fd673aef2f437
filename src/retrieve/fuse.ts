import { byScoreThenId, type Candidate, type ChunkId } from '../core/model.ts'
import type { FusionSettings, HitExplanation, LegExplanation } from './request.ts'

export interface RankedLists {
  readonly dense: readonly Candidate[] | null
  readonly lexical: readonly Candidate[] | null
}

/** A candidate on its way through the pipeline. `score` is what fusion gave it and never changes. */
export interface FusedCandidate {
  readonly id: ChunkId
  readonly score: number
  readonly dense: LegExplanation | null
  readonly lexical: LegExplanation | null
  readonly rerank: (NonNullable<HitExplanation['rerank']> & { relevance: number | null }) | null
}

type Leg = keyof RankedLists
type Contribution = (candidate: Candidate, rank: number) => number

/**
 * Merges the legs' lists into one; a candidate that a leg lacks gets 0 from it, and ties go by id.
 * - `rrf`: weight / (k + rank), rank from 1 (Cormack et al. 2009).
 * - `convex`: the legs' scores, each scaled to [0, 1] over its own list, averaged by weight (Bruch et al. 2023). A
 *   list's last candidate thus adds 0, and where all scores of a list are equal each of them counts 1.
 */
export function fuse(lists: RankedLists, settings: FusionSettings): FusedCandidate[] {
  const contributionIn = settings.method === 'rrf' ? reciprocalRank : scaledScore
  const fused = new Map<ChunkId, Writable<FusedCandidate>>()
  for (const leg of ['dense', 'lexical'] as const) {
    const candidates = lists[leg]
    if (candidates !== null) addLeg(fused, leg, candidates, contributionIn(leg, lists, settings))
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
    let entry = fused.get(candidate.id)
    if (entry === undefined) {
      entry = { id: candidate.id, score: 0, dense: null, lexical: null, rerank: null }
      fused.set(candidate.id, entry)
    }
    if (entry[leg] !== null) continue
    const contribution = contributionOf(candidate, rank)
    entry[leg] = { rank, score: candidate.score, contribution }
    entry.score += contribution
  }
}

function reciprocalRank(leg: Leg, _lists: RankedLists, settings: FusionSettings): Contribution {
  const weight = settings.weights[leg]
  return (_candidate, rank) => weight / (settings.k + rank)
}

function scaledScore(leg: Leg, lists: RankedLists, { weights }: FusionSettings): Contribution {
  const share = weights[leg] / (weights.dense + weights.lexical)
  let lowest = Number.POSITIVE_INFINITY
  let highest = Number.NEGATIVE_INFINITY
  for (const { score } of lists[leg] ?? []) {
    lowest = Math.min(lowest, score)
    highest = Math.max(highest, score)
  }
  const range = highest - lowest
  return ({ score }) => share * (range > 0 ? (score - lowest) / range : 1)
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }
