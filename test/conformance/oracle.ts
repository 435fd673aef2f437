import { isDeepStrictEqual } from 'node:util'
import { openAnalyzer } from '../../src/core/analysis/open-analyzer.ts'
import type { Analyzer } from '../../src/core/analyzer.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { type Filter, matches } from '../../src/core/filter.ts'
import type { LexicalIndex, LexicalQuery, LexicalStatistics } from '../../src/core/lexical-index.ts'
import {
  byScoreThenId,
  type ChunkId,
  type IndexRef,
  type LegResult,
  type Scope,
} from '../../src/core/model.ts'
import type {
  DenseQuery,
  IndexedChunk,
  IndexSpec,
  Metric,
  StoreCapabilities,
  VectorStore,
} from '../../src/core/vector-store.ts'

type Rows = Map<ChunkId, IndexedChunk>

/** Says by brute force and in double precision what every store should answer. Shares nothing with any store. */
export class Oracle implements VectorStore, LexicalIndex {
  readonly name = 'oracle'
  readonly capabilities: StoreCapabilities = {
    algorithms: ['flat'],
    metrics: ['cosine', 'dot', 'l2'],
    dimensionsMax: 4_096,
    batchMax: 100,
    exactAlgorithms: ['flat'],
    residence: 'process',
  }
  readonly #indexes = new Map<string, { spec: IndexSpec; tenants: Map<string, Rows> }>()

  async createIndex(ref: IndexRef, spec: IndexSpec, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (spec.dense !== null) checkDense(spec.dense, this.capabilities)
    const known = this.#indexes.get(keyOf(ref))
    if (known !== undefined && !isDeepStrictEqual(known.spec, spec))
      throw new QuarryError('conflict', `index ${ref.index} exists with another spec`)
    if (known === undefined) this.#indexes.set(keyOf(ref), { spec, tenants: new Map() })
  }

  async dropIndex(ref: IndexRef, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    this.#indexes.delete(keyOf(ref))
  }

  async upsert(scope: Scope, chunks: readonly IndexedChunk[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { dense } = this.#open(scope).spec
    const rows = this.rows(scope)
    if (dense !== null) for (const { vector } of chunks) checkVector(vector, dense.dimensions)
    for (const chunk of chunks)
      if (chunk.revision >= (rows.get(chunk.id)?.revision ?? 0))
        rows.set(chunk.id, structuredClone(chunk))
  }

  async deleteChunks(scope: Scope, ids: readonly ChunkId[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    for (const id of ids) this.rows(scope).delete(id)
    this.#open(scope)
  }

  async deleteTenant(scope: Scope, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    this.#open(scope).tenants.delete(scope.tenant)
  }

  async *listChunkIds(scope: Scope, signal: AbortSignal): AsyncIterable<ChunkId> {
    signal.throwIfAborted()
    yield* [...this.rows(scope).keys()]
  }

  async searchDense(scope: Scope, query: DenseQuery, signal: AbortSignal): Promise<LegResult> {
    signal.throwIfAborted()
    const { dense } = this.#open(scope).spec
    if (dense === null) throw new QuarryError('unsupported', 'the index has no dense part')
    checkVector(query.vector, dense.dimensions)
    return ranked(this.#kept(scope, query.filter), query.k, ({ vector }) =>
      vector === null ? null : SCORES[dense.metric](query.vector, vector),
    )
  }

  async searchLexical(scope: Scope, query: LexicalQuery, signal: AbortSignal): Promise<LegResult> {
    signal.throwIfAborted()
    const score = bm25([...this.rows(scope).values()], query.text, this.#lexical(scope))
    return ranked(this.#kept(scope, query.filter), query.k, score)
  }

  async statistics(scope: Scope): Promise<LexicalStatistics> {
    const { analyzer } = this.#lexical(scope)
    const documents = (): string[][] =>
      [...this.rows(scope).values()].map((chunk) => termsOf(chunk, analyzer))
    return {
      get chunkCount() {
        return documents().length
      },
      documentFrequency: (term) => documents().filter((terms) => terms.includes(term)).length,
      analyze: (text) => analyzer.terms(text),
    }
  }

  async checkHealth(): Promise<void> {}

  async close(): Promise<void> {
    this.#indexes.clear()
  }

  rows(scope: Scope): Rows {
    const { tenants } = this.#open(scope)
    const rows = tenants.get(scope.tenant) ?? new Map()
    tenants.set(scope.tenant, rows)
    return rows
  }

  #kept(scope: Scope, filter: Filter | undefined): IndexedChunk[] {
    const rows = [...this.rows(scope).values()]
    return filter === undefined ? rows : rows.filter((chunk) => matches(filter, chunk))
  }

  #lexical(scope: Scope): LexicalSettings {
    const { lexical } = this.#open(scope).spec
    if (lexical === null) throw new QuarryError('unsupported', 'the index has no lexical part')
    return { ...lexical, analyzer: openAnalyzer(lexical.analyzer) }
  }

  #open(ref: IndexRef): { spec: IndexSpec; tenants: Map<string, Rows> } {
    const index = this.#indexes.get(keyOf(ref))
    if (index === undefined) throw new QuarryError('not_found', `no index ${ref.index}`)
    return index
  }
}

function keyOf({ collection, index }: IndexRef): string {
  return JSON.stringify([collection, index])
}

export function ranked(
  chunks: readonly IndexedChunk[],
  k: number,
  scoreOf: (chunk: IndexedChunk) => number | null,
): LegResult {
  const candidates = chunks
    .map((chunk) => ({ id: chunk.id, score: scoreOf(chunk) }))
    .filter((candidate): candidate is { id: ChunkId; score: number } => candidate.score !== null)
    .sort(byScoreThenId)
    .slice(0, k)
  return { candidates, underFilled: null }
}

function checkDense(
  dense: NonNullable<IndexSpec['dense']>,
  { algorithms, metrics, dimensionsMax }: StoreCapabilities,
): void {
  if (!algorithms.includes(dense.algorithm.kind) || !metrics.includes(dense.metric))
    throw new QuarryError('unsupported', 'no such algorithm or metric')
  if (dense.dimensions > dimensionsMax) throw new QuarryError('unsupported', 'too many dimensions')
}

function checkVector(vector: Float32Array | null, dimensions: number): void {
  if (vector === null || vector.length !== dimensions)
    throw new QuarryError('invalid_request', `a vector has not ${dimensions} dimensions`)
  const length = Math.hypot(...vector)
  if (!(length > 0 && length < Number.POSITIVE_INFINITY))
    throw new QuarryError('invalid_request', 'a vector is zero or not finite')
}

const SCORES: Record<Metric, (a: Float32Array, b: Float32Array) => number> = {
  dot,
  cosine: (a, b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)),
  l2: (a, b) => -Math.sqrt(a.reduce((sum, value, i) => sum + (value - (b[i] ?? 0)) ** 2, 0)),
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0)
}

export interface LexicalSettings {
  readonly analyzer: Analyzer
  readonly k1: number
  readonly b: number
  /** How lengths are rounded, for those who mean to do it wrong. */
  readonly rounded?: (length: number) => number
}

/** What Lucene's norms keep of a length: 24 and the four highest bits of what is above it, all of the first 39. */
function keptLength(length: number): number {
  if (length < 40) return length
  const step = 2 ** (Math.floor(Math.log2(length - 24)) - 3)
  return 24 + Math.floor((length - 24) / step) * step
}

/**
 * BM25 as Lucene has it: lengths are rounded in the scores, not in their average. A term that the query repeats counts
 * as often as it is there. A chunk with none of the terms is no candidate.
 */
export function bm25(
  all: readonly IndexedChunk[],
  query: string,
  { analyzer, k1, b, rounded = keptLength }: LexicalSettings,
): (chunk: IndexedChunk) => number | null {
  const documents = new Map(all.map((chunk) => [chunk.id, termsOf(chunk, analyzer)]))
  const lengths = [...documents.values()].map((terms) => terms.length)
  const average = lengths.reduce((sum, length) => sum + length, 0) / lengths.length
  const weights = analyzer.terms(query).map((term) => {
    const df = [...documents.values()].filter((terms) => terms.includes(term)).length
    return { term, idf: Math.log(1 + (documents.size - df + 0.5) / (df + 0.5)) }
  })
  return ({ id }) => {
    const terms = documents.get(id) ?? []
    const length = rounded(terms.length)
    let score: number | null = null
    for (const { term, idf } of weights) {
      const tf = terms.filter((other) => other === term).length
      if (tf === 0) continue
      score = (score ?? 0) + (idf * tf) / (tf + k1 * (1 - b + (b * length) / average))
    }
    return score
  }
}

const known = new WeakMap<Analyzer, WeakMap<IndexedChunk, string[]>>()

/** Remembered, since every search asks for the terms of every chunk; stored chunks never change. */
function termsOf(chunk: IndexedChunk, analyzer: Analyzer): string[] {
  const byChunk = known.get(analyzer) ?? new WeakMap<IndexedChunk, string[]>()
  known.set(analyzer, byChunk)
  const terms = byChunk.get(chunk) ?? [
    ...analyzer.terms(chunk.context),
    ...analyzer.terms(chunk.text),
  ]
  byChunk.set(chunk, terms)
  return terms
}
