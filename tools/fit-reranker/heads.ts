import { join } from 'node:path'
import { openStatic } from '../../adapters/embedders/static.ts'
import {
  type Features,
  featuresOf,
  type Measured,
} from '../../adapters/rerankers/lexical/features.ts'
import { type Interaction, measureHead } from '../../adapters/rerankers/lexical/rerank.ts'
import { openAnalyzer } from '../../src/core/analysis/open-analyzer.ts'
import { denseWeightAt } from '../../src/core/dense-weight.ts'
import type { Embedder } from '../../src/core/embedder.ts'
import type { LexicalStatistics } from '../../src/core/lexical-index.ts'
import type { RerankCandidate } from '../../src/core/reranker.ts'
import type { AnalyzerName } from '../../src/core/vector-store.ts'
import { fuse } from '../../src/retrieve/fuse.ts'
import { CANDIDATES, type Collected, collect, type Legs } from './collect.ts'
import { type FittedSet, readDocuments, type SetDocument } from './sets.ts'

/** What a reranker saw of one query, and what it should have made of it. */
export interface Head {
  readonly measured: readonly Measured[]
  readonly features: readonly Features[]
  /** By place; 0 for what is not judged. */
  readonly grades: readonly number[]
  /** All grades above 0, found or not. */
  readonly wanted: readonly number[]
  readonly cpuMs: number
}

export interface SetHeads {
  readonly set: FittedSet
  /** One list of heads a setup, in the order of `SETUPS`. */
  readonly bySetup: readonly (readonly Head[])[]
  readonly unanswerable: readonly (readonly Head[])[]
}

/** What comes before the reranker: it has to be good for both legs, and for the lexical one alone. */
export const SETUPS = ['static', 'lexical'] as const
type Setup = (typeof SETUPS)[number]

const DEPTH = 50
const never = new AbortController().signal

export async function readHeads(
  set: FittedSet,
  data: string,
  cache: string,
  interaction: Interaction | null,
): Promise<SetHeads> {
  const folder = join(data, set.name)
  const documents = new Map((await readDocuments(folder)).map((each) => [each.id, each]))
  const bySetup: Head[][] = []
  const unanswerable: Head[][] = []
  const embedder = await openStatic()
  const collected = await collect(set, folder, embedder, cache)
  for (const setup of SETUPS) {
    const read = async (queries: readonly Legs[]): Promise<Head[]> => {
      const heads: Head[] = []
      for (const legs of queries)
        heads.push(
          await headOf(legs, setup, embedder, collected, documents, set.analyzer, interaction),
        )
      return heads
    }
    bySetup.push(await read(collected.answered))
    unanswerable.push(await read(collected.unanswerable))
  }
  return { set, bySetup, unanswerable }
}

async function headOf(
  legs: Legs,
  setup: Setup,
  { profile, coverage }: Embedder,
  { chunkCount }: Collected,
  documents: ReadonlyMap<string, SetDocument>,
  analyzer: AnalyzerName,
  interaction: Interaction | null,
): Promise<Head> {
  const alone = setup === 'lexical'
  const suggested = denseWeightAt(profile.suggestedDenseWeight, legs.dense[0]?.score ?? null)
  const trust = suggested * (coverage?.(legs.query) ?? 1)
  const weights = { dense: alone ? 0 : trust, lexical: 1 }
  const dense = weights.dense === 0 ? null : legs.dense
  const lists = { dense, lexical: legs.lexical, depth: CANDIDATES }
  const fused = fuse(lists, { method: 'convex', k: 60, weights }).slice(0, DEPTH)
  const candidates = fused.map(({ id, score, dense }): RerankCandidate => {
    const { title = '', text = '' } = documents.get(id) ?? {}
    return { id, text, context: title, fusedScore: score, denseScore: dense?.score ?? null }
  })
  const frequencies = new Map(legs.frequencies)
  const statistics: LexicalStatistics = {
    chunkCount,
    documentFrequency: (term) => frequencies.get(term) ?? 0,
    analyze: openAnalyzer(analyzer).terms,
  }
  const startedCpu = process.cpuUsage()
  const measured = await measureHead(
    legs.query,
    candidates,
    { signal: never, statistics },
    interaction,
  )
  const features = featuresOf(measured, weights.dense / (weights.dense + weights.lexical))
  const { user, system } = process.cpuUsage(startedCpu)
  const grades = new Map(legs.relevant)
  return {
    measured,
    features,
    grades: candidates.map(({ id }) => grades.get(id) ?? 0),
    wanted: [...grades.values()],
    cpuMs: (user + system) / 1_000,
  }
}
