import { vi } from 'vitest'
import type { EmbedderProfile } from '../../src/core/embedder.ts'
import type { Generator } from '../../src/core/generator.ts'
import type { ChunkReader, LexicalIndex } from '../../src/core/lexical-index.ts'
import type {
  Candidate,
  Chunk,
  ChunkId,
  CollectionId,
  DocumentId,
  IndexId,
  LegResult,
  Scope,
  SpaceId,
  TenantId,
} from '../../src/core/model.ts'
import type { RerankCandidate, Reranker } from '../../src/core/reranker.ts'
import type { VectorStore } from '../../src/core/vector-store.ts'
import { createCaches } from '../../src/retrieve/cache.ts'
import type { ExpansionPlan, RetrievalPlan, RetrieveDeps } from '../../src/retrieve/deps.ts'
import { reservesFor } from '../../src/retrieve/plan.ts'
import type { RetrieveRequest } from '../../src/retrieve/request.ts'
import { hanging } from './faults.ts'

export const tenant = 'acme' as TenantId
export const collection = 'docs' as CollectionId
export const scope: Scope = { tenant, collection, index: 'docs-1' as IndexId }
export const chunkId = (id: string): ChunkId => id as ChunkId

export const limits = { rerankReserveMs: 250, finishReserveMs: 25, aliasCacheMs: 1_000 }

/** Best first, with scores that fall by one. */
export const candidates = (ids: string): Candidate[] =>
  [...ids].map((id, at) => ({ id: chunkId(id), score: ids.length - at }))

export const leg = (ids: string): LegResult => ({ candidates: candidates(ids), underFilled: null })

export function chunk(id: string, changes: Partial<Chunk> = {}): Chunk {
  const text = changes.text ?? `passage ${id}`
  return {
    id: chunkId(id),
    documentId: `doc-${id}` as DocumentId,
    revision: 1,
    ordinal: 0,
    span: { start: 0, end: text.length },
    text,
    context: '',
    title: null,
    headings: [],
    page: null,
    metadata: {},
    ...changes,
  }
}

export const profile: EmbedderProfile = {
  provider: 'test',
  model: 'two',
  revision: '1',
  dimensions: 2,
  normalized: true,
  queryPrefix: '',
  passagePrefix: '',
  inputTokensMax: 100,
  queryUsesStatistics: false,
  suggestedDenseWeight: 1,
}

const notUsed = (name: string) => (): never => {
  throw new TypeError(`${name} is no part of a retrieval`)
}

const writer = {
  name: 'test',
  capabilities: {
    algorithms: [],
    metrics: [],
    dimensionsMax: 2,
    batchMax: 1,
    exactAlgorithms: [],
    residence: 'process',
  },
  createIndex: notUsed('createIndex'),
  dropIndex: notUsed('dropIndex'),
  upsert: notUsed('upsert'),
  deleteChunks: notUsed('deleteChunks'),
  deleteTenant: notUsed('deleteTenant'),
  listChunkIds: notUsed('listChunkIds'),
  checkHealth: notUsed('checkHealth'),
  close: notUsed('close'),
} as const

export const denseStore = (search: VectorStore['searchDense']): VectorStore => ({
  ...writer,
  searchDense: search,
})

export const lexicalIndex = (search: LexicalIndex['searchLexical']): LexicalIndex => ({
  ...writer,
  searchLexical: search,
  statistics: async () => ({
    chunkCount: 1,
    documentFrequency: () => 1,
    analyze: (text) => [text],
  }),
})

export function chunkReader(chunks: readonly Chunk[]): ChunkReader {
  const byId = new Map(chunks.map((each) => [each.id, each]))
  return {
    async readChunks(_scope, ids) {
      return new Map(ids.flatMap((id) => byId.get(id) ?? []).map((each) => [each.id, each]))
    },
    async readNeighbours(_scope, documentId, from, to) {
      return chunks
        .filter((each) => each.documentId === documentId)
        .filter(({ ordinal }) => ordinal >= from && ordinal <= to)
        .sort((a, b) => a.ordinal - b.ordinal)
    },
  }
}

export function reranker(
  relevanceOf: (candidate: RerankCandidate, at: number) => number,
  changes: Partial<Reranker> = {},
): Reranker {
  return {
    name: 'test',
    calibrated: true,
    async rerank(_query, list) {
      const scores = list.map((candidate, at) => {
        const relevance = relevanceOf(candidate, at)
        return { id: candidate.id, score: relevance * 10 - 5, relevance }
      })
      return { scores, documents: list.length }
    },
    checkHealth: async () => {},
    close: async () => {},
    ...changes,
  }
}

/** What the last becomes first. */
export const reversing = (): Reranker => reranker((_candidate, at) => (at + 1) / 100)

export interface Ports {
  readonly dense: VectorStore['searchDense'] | null
  readonly embed: NonNullable<RetrievalPlan['dense']>['embedder']['embedQuery']
  readonly profile: EmbedderProfile
  readonly lexical: LexicalIndex['searchLexical'] | null
  readonly chunks: ChunkReader
  readonly reranker: Reranker | null
  readonly plan: Partial<RetrievalPlan>
  readonly deps: Partial<RetrieveDeps>
}

/** Dense finds a, b; lexical finds b, c: fused b, a, c, as b is in both. */
export const ports: Ports = {
  dense: async () => leg('ab'),
  embed: async () => ({ vectors: [Float32Array.of(1, 0)], tokens: 7 }),
  profile,
  lexical: async () => leg('bc'),
  chunks: chunkReader([...'abcdefgh'].map((id) => chunk(id))),
  reranker: null,
  plan: {},
  deps: {},
}

export function request(changes: Partial<RetrieveRequest> = {}): RetrieveRequest {
  return {
    tenant,
    collection,
    query: 'what is it?',
    topK: 3,
    mode: 'hybrid',
    dedupe: true,
    budgetMs: 5_000,
    onDegraded: 'partial',
    require: [],
    explain: false,
    ...changes,
  }
}

export function planOf(given: Ports, budgetMs: number): RetrievalPlan {
  const lexical = given.lexical === null ? null : lexicalIndex(given.lexical)
  const embedder = {
    profile: given.profile,
    embedQuery: given.embed,
    embedPassages: hanging,
    checkHealth: hanging,
    close: hanging,
  }
  return {
    scope,
    space: { id: 'space-1' as SpaceId, name: 'test/two@1:2' },
    dense: given.dense === null ? null : { store: denseStore(given.dense), embedder },
    lexical,
    statistics: lexical,
    chunks: given.chunks,
    rerank: given.reranker === null ? null : { model: 'test', reranker: given.reranker, depth: 50 },
    expansion: null,
    candidates: 100,
    fusion: { method: 'rrf', k: 60, weights: { dense: 1, lexical: 1 } },
    prompt: { system: null, instruction: null },
    reserveMs: reservesFor(budgetMs, given.reranker !== null, limits),
    refused: [],
    ...given.plan,
  }
}

export function depsOf(given: Ports): RetrieveDeps {
  const entries = { queryCacheEntries: 100, resultCacheEntries: 100, resultCacheChars: 10_000 }
  return {
    planFor: async (_tenant, _collection, { budgetMs }) => planOf(given, budgetMs),
    freshness: { waitApplied: async () => true, position: () => '0:0' },
    assemble: async ({ hits }) => ({
      format: 'text',
      body: { text: hits.map(({ id }) => id).join(' ') },
      tokens: hits.length,
      tokenizer: 'words',
      citations: [],
      dropped: [],
      prefixHash: '',
    }),
    caches: createCaches(entries),
    ...given.deps,
  }
}

export const spied = <F extends (...args: never[]) => unknown>(method: F) => vi.fn(method)

/** Writes the same text for every query. */
export function generatorOf(text: string, changes: Partial<Generator> = {}): Generator {
  return {
    profile: { provider: 'test', model: 'writer', revision: '1' },
    generate: async () => ({ text, tokens: { input: 50, cached: 10, output: 9 } }),
    checkHealth: async () => {},
    close: async () => {},
    ...changes,
  }
}

export const expansionPlan = (
  generator: Generator,
  changes: Partial<ExpansionPlan> = {},
): ExpansionPlan => ({
  name: 'writer',
  generator,
  method: 'multi_query',
  queries: 3,
  weight: 0.5,
  ...changes,
})
