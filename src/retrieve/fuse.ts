import { byScoreThenId, type Candidate, type ChunkId } from '../core/model.ts'
import type { FusionSettings, HitExplanation, LegExplanation } from './request.ts'

export interface RankedLists {
  readonly dense: readonly Candidate[] | null
  readonly lexical: readonly Candidate[] | null
  /** What other wordings of the query found. */
  readonly rewritten?: readonly RewrittenList[] | undefined
  /** How many candidates each list was asked for: a shorter one is all there is, and so is each where this is absent. */
  readonly depth?: number | undefined
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

/** One list of one leg, and what it weighs. */
interface WeightedList {
  readonly leg: Leg
  readonly candidates: readonly Candidate[]
  readonly weight: number
}

/** What the lists have in common. */
interface Frame {
  readonly settings: FusionSettings
  readonly depth: number
  /** All weights together. */
  readonly total: number
}

/**
 * Merges the legs' lists into one; a candidate that a leg lacks gets 0 from it, and ties go by id.
 * - `rrf`: weight / (k + rank), rank from 1 (Cormack et al. 2009).
 * - `convex`: the legs' scores, each scaled to [0, 1], averaged by weight (Bruch et al. 2023). A dense list is scaled
 *   over its own range. A lexical score counts by how far it is above what the list leaves out, as a share of the list's
 *   best (scores are above 0): BM25 has a zero that means something, so a query whose words hardly tell the candidates
 *   apart leaves the order to the vectors.
 *
 * The lists of other wordings are merged in the same way, each by its share of the weight of the leg that found it.
 */
export function fuse(lists: RankedLists, settings: FusionSettings): FusedCandidate[] {
  const { weights } = settings
  const { rewritten = [], depth = Number.POSITIVE_INFINITY } = lists
  const rewordings = rewritten.map((list) => ({ ...list, weight: weights[list.leg] * list.weight }))
  const total = rewordings.reduce(
    (sum, { weight }) => sum + weight,
    weights.dense + weights.lexical,
  )
  const contributionIn = settings.method === 'rrf' ? reciprocalRank : scaledScore
  const frame = { settings, depth, total }
  const fused = new Map<ChunkId, Writable<FusedCandidate>>()
  for (const leg of ['dense', 'lexical'] as const) {
    const candidates = lists[leg]
    if (candidates === null) continue
    const list = { leg, candidates, weight: weights[leg] }
    addLeg(fused, leg, candidates, contributionIn(list, frame))
  }
  for (const list of rewordings) addRewritten(fused, list.candidates, contributionIn(list, frame))
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

function reciprocalRank({ weight }: WeightedList, { settings: { k } }: Frame): Contribution {
  return (_candidate, rank) => weight / (k + rank)
}

function scaledScore({ leg, candidates, weight }: WeightedList, frame: Frame): Contribution {
  const share = weight / frame.total
  const { floor, range } =
    leg === 'lexical' ? lexicalScale(candidates, frame.depth) : ownScale(candidates)
  return ({ score }) => share * (range > 0 ? (score - floor) / range : 1)
}

interface Scale {
  readonly floor: number
  readonly range: number
}

function ownScale(candidates: readonly Candidate[]): Scale {
  let lowest = Number.POSITIVE_INFINITY
  let highest = Number.NEGATIVE_INFINITY
  for (const { score } of candidates) {
    lowest = Math.min(lowest, score)
    highest = Math.max(highest, score)
  }
  return { floor: lowest, range: highest - lowest }
}

/** What is missing from a whole list scores 0; from a cut one, as much as the last of it at most. */
function lexicalScale(candidates: readonly Candidate[], depth: number): Scale {
  const { floor, range } = ownScale(candidates)
  return { floor: candidates.length < depth ? 0 : floor, range: floor + range }
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }
