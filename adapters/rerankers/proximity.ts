import { openAnalyzer } from '../../src/core/analysis/open-analyzer.ts'
import type { LexicalStatistics } from '../../src/core/lexical-index.ts'
import { createPace } from '../../src/core/pace.ts'
import type { RerankCandidate, Reranked, Reranker, RerankScore } from '../../src/core/reranker.ts'
import { type ProximityOptions, proximityOptions } from './options.ts'

interface Query {
  /** Distinct terms in order, and how much of the query's rarity each holds; the shares add up to 1. */
  readonly shares: ReadonlyMap<string, number>
  readonly pairs: readonly Pair[]
}

interface Pair {
  readonly first: string
  readonly second: string
  readonly share: number
}

/**
 * Lifts passages that hold more of the query's rare terms, and hold neighbouring ones close together, over the order
 * that fusion gave. Needs no model; its scores order one answer and mean nothing beside another's.
 */
export function openProximity(options: ProximityOptions = {}): Reranker {
  const settings = proximityOptions.parse(options)
  const plain = openAnalyzer('unicode')
  return {
    name: 'proximity',
    calibrated: false,
    rerank: async (query, candidates, { signal, statistics }): Promise<Reranked> => {
      const analyze = (text: string): readonly string[] =>
        statistics === null ? plain.terms(text) : statistics.analyze(text)
      const analyzeOnce = remembering(analyze)
      const wanted = readQuery(analyze(query), statistics)
      const base = baseScores(candidates)
      const scores: RerankScore[] = []
      const pace = createPace()
      for (const [place, candidate] of candidates.entries()) {
        await pace()
        if (signal.aborted) break
        const terms = analyzeOnce(`${candidate.context} ${candidate.text}`)
        const { coverage, proximity } = measure(wanted, terms, settings.window)
        const lift = settings.coverage_weight * coverage + settings.proximity_weight * proximity
        scores.push({ id: candidate.id, score: (base[place] ?? 0) + lift, relevance: null })
      }
      return { scores, documents: scores.length }
    },
    checkHealth: async () => {},
    close: async () => {},
  }
}

/** Analyses each run between white space once: candidates for one query say much in the same words. */
function remembering(
  analyze: (text: string) => readonly string[],
): (text: string) => readonly string[] {
  const known = new Map<string, readonly string[]>()
  return (text) => {
    const terms: string[] = []
    for (const run of text.split(/\s+/)) {
      const found = known.get(run) ?? analyze(run)
      known.set(run, found)
      for (const term of found) terms.push(term)
    }
    return terms
  }
}

/**
 * Half fused order, half the lexical leg's own score, which unlike a fused rank says how much better one passage is
 * than the next. A passage that the leg did not return scores below all that it did.
 */
function baseScores(candidates: readonly RerankCandidate[]): number[] {
  const fused = stretched(candidates.map(({ fusedScore }) => fusedScore))
  const lexical = stretched(candidates.map(({ lexicalScore }) => lexicalScore))
  return candidates.map((_, place) => ((fused[place] ?? 0) + (lexical[place] ?? 0)) / 2)
}

/** Over 0 to 1, so that the weights mean the same for every kind of score; nulls are 0. */
function stretched(scores: readonly (number | null)[]): number[] {
  const known = scores.filter((score) => score !== null)
  const least = Math.min(...known)
  const spread = Math.max(...known) - least
  return scores.map((score) => {
    if (score === null) return 0
    return spread === 0 ? 1 : (score - least) / spread
  })
}

function readQuery(terms: readonly string[], statistics: LexicalStatistics | null): Query {
  const weights = new Map(terms.map((term) => [term, rarity(term, statistics)]))
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0)
  const shares = new Map([...weights].map(([term, weight]) => [term, weight / total]))
  const pairs: Pair[] = []
  for (let i = 1; i < terms.length; i += 1) {
    const first = terms[i - 1] ?? ''
    const second = terms[i] ?? ''
    const share = (shares.get(first) ?? 0) + (shares.get(second) ?? 0)
    if (first !== second) pairs.push({ first, second, share })
  }
  const pairTotal = pairs.reduce((sum, { share }) => sum + share, 0)
  return { shares, pairs: pairs.map((pair) => ({ ...pair, share: pair.share / pairTotal })) }
}

function rarity(term: string, statistics: LexicalStatistics | null): number {
  if (statistics === null || statistics.chunkCount === 0) return 1
  const frequency = statistics.documentFrequency(term)
  return Math.log(1 + (statistics.chunkCount - frequency + 0.5) / (frequency + 0.5))
}

/** Both in [0, 1]: the share of the query's rarity found, and of its neighbouring pairs found within the window. */
function measure(
  query: Query,
  terms: readonly string[],
  window: number,
): { readonly coverage: number; readonly proximity: number } {
  const places = new Map<string, number[]>()
  terms.forEach((term, place) => {
    if (!query.shares.has(term)) return
    const known = places.get(term)
    if (known === undefined) places.set(term, [place])
    else known.push(place)
  })
  let coverage = 0
  for (const term of places.keys()) coverage += query.shares.get(term) ?? 0
  let proximity = 0
  for (const { first, second, share } of query.pairs) {
    const apart = nearest(places.get(first), places.get(second))
    if (apart <= window) proximity += share / apart
  }
  return { coverage, proximity }
}

/** The least distance between two ascending lists of places, in one walk over both. */
function nearest(
  left: readonly number[] | undefined,
  right: readonly number[] | undefined,
): number {
  let least = Number.POSITIVE_INFINITY
  if (left === undefined || right === undefined) return least
  let i = 0
  let j = 0
  while (i < left.length && j < right.length) {
    const a = left[i] ?? 0
    const b = right[j] ?? 0
    least = Math.min(least, Math.abs(a - b))
    if (a < b) i += 1
    else j += 1
  }
  return least
}
