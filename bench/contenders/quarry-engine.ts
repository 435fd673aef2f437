import { rm } from 'node:fs/promises'
import { openLocalEngine } from '../../adapters/stores/local/open-local-engine.ts'
import type { Filter } from '../../src/core/filter.ts'
import type { Candidate, LegResult, Scope } from '../../src/core/model.ts'
import type { ReplicaEngine } from '../../src/core/replica-engine.ts'
import type { IndexAlgorithm, IndexSpec } from '../../src/core/vector-store.ts'
import { fuse } from '../../src/retrieve/fuse.ts'
import { chunkOfRow, filterOfShare, rowOfChunk, scopeOf, textsFor } from '../data/chunks.ts'
import { openVectors, rowsOf, type VectorSource } from '../data/vectors.ts'
import type { Contender, Lane } from '../measure/lanes.ts'

export interface EngineTask {
  readonly folder: string
  readonly vectors: VectorSource
  readonly algorithm: IndexAlgorithm
  readonly queries: readonly string[]
  readonly k: number
  readonly memoryBytes: number
  /** Lanes `dense <share>` and `lexical <share>` beside the unfiltered ones, for each of these shares. */
  readonly filterShares: readonly number[]
}

export const never: AbortSignal = new AbortController().signal

const BATCH = 500
const FUSION = { method: 'rrf', k: 60, weights: { dense: 1, lexical: 1 } } as const

/** A whole engine with one tenant: lanes `dense`, `lexical` and `hybrid` (both, one after the other, and fusion). */
export async function openQuarryEngine(task: EngineTask): Promise<Contender> {
  const set = await openVectors(task.vectors)
  await rm(task.folder, { recursive: true, force: true })
  const engine = await openLocalEngine({ folder: task.folder, memoryBytes: task.memoryBytes })
  const scope = scopeOf('tenant')
  await engine.createIndex(scope, specOf(set.dimensions, task.algorithm), never)
  const texts = await textsFor(set.count)
  const vectors = rowsOf(set.base, set.dimensions)
  const startedMs = performance.now()
  const startedCpu = process.cpuUsage()
  for (let from = 0; from < set.count; from += BATCH) {
    const batch = vectors
      .slice(from, from + BATCH)
      .map((vector, i) => chunkOfRow(from + i, texts[from + i] ?? '', vector))
    await engine.upsert(scope, batch, never)
  }
  const ingestedMs = performance.now()
  const ingestCpu = process.cpuUsage(startedCpu)
  await settled(engine, set.count)
  const lanes = lanesOver(engine, scope, set.queries, task.queries, task.k)
  for (const share of task.filterShares) {
    // Anew for each query, as requests bring them, so that nothing that is remembered of a filter counts.
    const filter = (): Filter => filterOfShare(share)
    lanes[`dense ${share}`] = denseLane(engine, scope, set.queries, task.k, filter)
    lanes[`lexical ${share}`] = lexicalLane(engine, scope, task.queries, task.k, filter)
  }
  const described = engine.describe()[0]
  return {
    lanes,
    facts: {
      chunksPerSecond: set.count / ((ingestedMs - startedMs) / 1_000),
      ingestCpuSeconds: (ingestCpu.user + ingestCpu.system) / 1e6,
      buildSeconds: (performance.now() - startedMs) / 1_000,
      bytes: described?.bytes ?? 0,
      bytesOnDisk: described?.bytesOnDisk ?? 0,
      segments: described?.segments ?? 0,
    },
  }
}

export function specOf(dimensions: number, algorithm: IndexAlgorithm): IndexSpec {
  return {
    dense: { dimensions, metric: 'cosine', algorithm },
    lexical: { analyzer: 'english', k1: 0.9, b: 0.4 },
  }
}

/** Longer than a shard has to be quiet before its segments are merged into few. */
const REST_MS = 8_000

/** Waits until sealing and merging have come to rest: no delta, and nothing built for a while. */
export async function settled(engine: ReplicaEngine, chunks: number): Promise<void> {
  let known = ''
  let sinceMs = performance.now()
  for (;;) {
    const [described] = engine.describe()
    const inDeltas = described?.chunksByKind['delta'] ?? 0
    const seen = JSON.stringify([described?.segments, inDeltas])
    if (seen !== known || described?.shardsBuilding !== 0) sinceMs = performance.now()
    known = seen
    const quietMs = performance.now() - sinceMs
    if (quietMs > REST_MS && (inDeltas === 0 || quietMs > 60_000) && described?.chunks === chunks)
      return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

export function lanesOver(
  engine: ReplicaEngine,
  scope: Scope,
  vectors: readonly Float32Array[],
  queries: readonly string[],
  k: number,
): Record<string, Lane> {
  return {
    dense: denseLane(engine, scope, vectors, k),
    lexical: lexicalLane(engine, scope, queries, k),
    hybrid: async (query) => {
      const dense = await engine.searchDense(
        scope,
        { vector: vectors[query % vectors.length] as Float32Array, k },
        never,
      )
      const text = queries[query % queries.length] ?? ''
      const lexical = await engine.searchLexical(scope, { text, k }, never)
      const lists = { dense: dense.candidates, lexical: lexical.candidates, depth: k }
      return rowsOfCandidates(fuse(lists, FUSION).slice(0, 10))
    },
  }
}

function denseLane(
  engine: ReplicaEngine,
  scope: Scope,
  vectors: readonly Float32Array[],
  k: number,
  filter: () => Filter | undefined = () => undefined,
): Lane {
  return async (query) => {
    const vector = vectors[query % vectors.length] as Float32Array
    return rowsFound(await engine.searchDense(scope, { vector, k, filter: filter() }, never))
  }
}

function lexicalLane(
  engine: ReplicaEngine,
  scope: Scope,
  queries: readonly string[],
  k: number,
  filter: () => Filter | undefined = () => undefined,
): Lane {
  return async (query) => {
    const text = queries[query % queries.length] ?? ''
    return rowsFound(await engine.searchLexical(scope, { text, k, filter: filter() }, never))
  }
}

function rowsFound({ candidates }: LegResult): number[] {
  return rowsOfCandidates(candidates)
}

function rowsOfCandidates(candidates: readonly Pick<Candidate, 'id'>[]): number[] {
  return candidates.map(({ id }) => rowOfChunk(id))
}
