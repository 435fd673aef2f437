import { openAnalyzer } from '../../../src/core/analysis/open-analyzer.ts'
import { createPace } from '../../../src/core/pace.ts'
import type { RerankCall, RerankCandidate, Reranked } from '../../../src/core/reranker.ts'
import { featuresOf, type Measured } from './features.ts'
import { measure } from './measures.ts'
import { scoreOf, type Weights } from './model.ts'
import { askedOf, type Passage, readPassage } from './passage.ts'
import { readQuery } from './query.ts'
import { type Evidence, relevanceOf, type Slopes, sharesOf } from './relevance.ts'
import type { RunTable } from './run-table.ts'
import { noTokens, runsOf, type Tokenize } from './runs.ts'

/** How well passages meet queries token by token. */
export interface Interaction {
  readonly tokenize: Tokenize
  meet(query: string): Meeting
}

/** How well passages meet one query, one after another. */
export interface Meeting {
  /** Before the first run of each passage. */
  begin(): void
  addRun(table: RunTable, run: number): void
  /** Of the runs since `begin`, in [0, 1]. */
  similarity(): number
}

const PLAIN = openAnalyzer('unicode')

/** Candidates further down are not met token by token, which costs most: measured, it lifts none of them to the top. */
const MET_MAX = 20

/** What was fitted for a reranker. */
export interface Fitted {
  readonly weights: Weights
  readonly relevance: Slopes
}

/** Scores candidates one by one until the signal aborts; those read by then are ordered among themselves. */
export async function rerankBy(
  { weights, relevance }: Fitted,
  query: string,
  candidates: readonly RerankCandidate[],
  call: RerankCall,
  interaction: Interaction | null = null,
): Promise<Reranked> {
  const head = await measureHead(query, candidates, call, interaction)
  const features = featuresOf(head, call.denseShare)
  const values = features.map((each) => scoreOf(each, weights))
  const evidence = evidenceOf(head, values)
  const scores = head.map(({ candidate: { id } }, place) => ({
    id,
    score: values[place] as number,
    relevance: relevanceOf(evidence[place] as Evidence, relevance),
  }))
  return { scores, documents: scores.length }
}

/** By place, of the head's passages and the scores they were given. */
export function evidenceOf(head: readonly Measured[], scores: readonly number[]): Evidence[] {
  const shares = sharesOf(scores)
  const saturation = Math.max(0, ...head.map(({ measures }) => measures.saturation))
  return head.map(({ measures, interaction }, place) => ({
    ...measures,
    interaction,
    saturation,
    share: shares[place] as number,
  }))
}

/** What `tools/fit-reranker` fits the weights on: the same numbers as are weighted here. */
export async function measureHead(
  text: string,
  candidates: readonly RerankCandidate[],
  { signal, statistics }: Pick<RerankCall, 'signal' | 'statistics'>,
  interaction: Interaction | null,
): Promise<readonly Measured[]> {
  const analyze = statistics === null ? PLAIN.terms : statistics.analyze
  const query = readQuery(text, analyze, statistics)
  const table = runsOf(analyze, interaction?.tokenize ?? noTokens)
  const asked = askedOf(query, table)
  const turns = { pace: createPace(), signal }
  const meeting = interaction?.meet(text) ?? null
  const onRun = meeting === null ? null : (run: number) => meeting.addRun(table, run)
  const passages: Passage[] = []
  const met: number[] = []
  for (const [place, candidate] of candidates.entries()) {
    const meets = place < MET_MAX ? meeting : null
    meets?.begin()
    const passage = await readPassage(candidate, asked, table, turns, meets && onRun)
    if (passage === null) break
    passages.push(passage)
    if (meets !== null) met.push(meets.similarity())
  }
  const averageLength = mean(passages.map(({ length }) => length))
  // As much as the others on average, so that nothing but their words tells for or against them.
  const averageMet = mean(met)
  return passages.map((passage, place) => ({
    candidate: candidates[place] as RerankCandidate,
    measures: measure(passage, averageLength, query),
    interaction: met[place] ?? averageMet,
  }))
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}
