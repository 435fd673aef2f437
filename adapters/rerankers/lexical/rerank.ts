import { openAnalyzer } from '../../../src/core/analysis/open-analyzer.ts'
import { createPace } from '../../../src/core/pace.ts'
import type { RerankCall, RerankCandidate, Reranked } from '../../../src/core/reranker.ts'
import { analysedRuns } from './analysed-runs.ts'
import { type Features, featuresOf, type Measured } from './features.ts'
import { measure } from './measures.ts'
import { scoreOf, type Weights } from './model.ts'
import { type Passage, readPassage } from './passage.ts'
import { readQuery } from './query.ts'

/** How well the passage's tokens meet the query's, in [0, 1]. */
export type Interaction = (candidate: RerankCandidate) => number

const PLAIN = openAnalyzer('unicode')

/** Scores candidates one by one until the signal aborts; those read by then are ordered among themselves. */
export async function rerankBy(
  weights: Weights,
  query: string,
  candidates: readonly RerankCandidate[],
  call: RerankCall,
  interactionWith: ((query: string) => Interaction) | null = null,
): Promise<Reranked> {
  const head = await measureHead(query, candidates, call, interactionWith)
  const features = featuresOf(head, call.denseShare)
  const scores = head.map(({ candidate: { id } }, place) => {
    return { id, score: scoreOf(features[place] as Features, weights), relevance: null }
  })
  return { scores, documents: scores.length }
}

/** What `tools/fit-reranker` fits the weights on: the same numbers as are weighted here. */
export async function measureHead(
  text: string,
  candidates: readonly RerankCandidate[],
  { signal, statistics }: Pick<RerankCall, 'signal' | 'statistics'>,
  interactionWith: ((query: string) => Interaction) | null,
): Promise<readonly Measured[]> {
  const analyze = analysedRuns(statistics === null ? PLAIN.terms : statistics.analyze)
  const query = readQuery(text, analyze, statistics)
  const interactionOf = interactionWith?.(text)
  const turns = { pace: createPace(), signal }
  const read: { candidate: RerankCandidate; passage: Passage; interaction: number }[] = []
  for (const candidate of candidates) {
    const passage = await readPassage(candidate, query, analyze, turns)
    if (passage === null) break
    read.push({ candidate, passage, interaction: interactionOf?.(candidate) ?? 0 })
  }
  const lengths = read.reduce((sum, { passage }) => sum + passage.length, 0)
  return read.map(({ candidate, passage, interaction }) => ({
    candidate,
    measures: measure(passage, lengths / read.length, query),
    interaction,
  }))
}
