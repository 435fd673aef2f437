import { isDeepStrictEqual } from 'node:util'
import { openAnalyzer } from '../../../src/core/analysis/open-analyzer.ts'
import type { Analyzer } from '../../../src/core/analyzer.ts'
import { QuarryError } from '../../../src/core/errors.ts'
import type { LexicalQuery, LexicalStatistics } from '../../../src/core/lexical-index.ts'
import type {
  Candidate,
  Chunk,
  ChunkId,
  DocumentId,
  IndexRef,
  LegResult,
  Scope,
  TenantId,
} from '../../../src/core/model.ts'
import type { IndexDescription, ReplicaEngine } from '../../../src/core/replica-engine.ts'
import type {
  DenseQuery,
  DenseSpec,
  IndexedChunk,
  IndexSpec,
  StoreCapabilities,
} from '../../../src/core/vector-store.ts'
import { Shard } from './shard.ts'
import { isTurnOver, nextTurn } from './slices.ts'
import { checkVector } from './vectors.ts'

interface LocalIndex {
  readonly ref: IndexRef
  readonly spec: IndexSpec
  readonly shards: Map<TenantId, Shard>
  /** The number of the last write to each tenant's part, also of those emptied since. */
  readonly lastWrites: Map<TenantId, number>
}

const CAPABILITIES: StoreCapabilities = {
  algorithms: ['auto', 'flat'],
  metrics: ['cosine', 'dot', 'l2'],
  dimensionsMax: 8_192,
  batchMax: 1_000,
  exactAlgorithms: ['auto', 'flat'],
  residence: 'process',
}

export function openLocalEngine(): ReplicaEngine {
  return new Engine()
}

class Engine implements ReplicaEngine {
  readonly name = 'local'
  readonly capabilities = CAPABILITIES
  readonly #indexes = new Map<string, LocalIndex>()
  /** Counts up over all indexes and is never reset, so that an index made anew takes no old position. */
  #writes = 0

  async createIndex(ref: IndexRef, spec: IndexSpec, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    checkSpec(spec)
    const known = this.#indexes.get(keyOf(ref))
    if (known === undefined) {
      const { collection, index } = ref
      const made = { ref: { collection, index }, spec, shards: new Map(), lastWrites: new Map() }
      this.#indexes.set(keyOf(ref), made)
    } else if (!isDeepStrictEqual(known.spec, spec)) {
      throw new QuarryError('conflict', `index ${ref.index} exists with another spec`, {
        details: { asked: spec, exists: known.spec },
      })
    }
  }

  async dropIndex(ref: IndexRef, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    this.#indexes.delete(keyOf(ref))
  }

  async upsert(scope: Scope, chunks: readonly IndexedChunk[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { spec } = this.#open(scope)
    for (const chunk of chunks) {
      if (spec.dense !== null) checkVector(chunk.vector, spec.dense.dimensions, `chunk ${chunk.id}`)
      if (isTurnOver()) await nextTurn(signal)
    }
    for (const chunk of chunks) {
      // Looked up for each chunk, since a pause may have let another call drop the index or empty the shard.
      this.#shardToWrite(scope).put(chunk)
      this.#noteWrite(scope)
      if (isTurnOver()) await nextTurn(signal)
    }
  }

  async deleteChunks(scope: Scope, ids: readonly ChunkId[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { shards } = this.#open(scope)
    for (const id of ids) {
      const shard = shards.get(scope.tenant)
      shard?.delete(id)
      this.#noteWrite(scope)
      if (shard?.size === 0) shards.delete(scope.tenant)
      if (isTurnOver()) await nextTurn(signal)
    }
  }

  async deleteTenant(scope: Scope, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    this.#open(scope).shards.delete(scope.tenant)
    this.#noteWrite(scope)
  }

  async *listChunkIds(scope: Scope, signal: AbortSignal): AsyncIterable<ChunkId> {
    signal.throwIfAborted()
    for (const id of this.#open(scope).shards.get(scope.tenant)?.ids() ?? []) {
      yield id
      if (isTurnOver()) await nextTurn(signal)
    }
  }

  async searchDense(scope: Scope, query: DenseQuery, signal: AbortSignal): Promise<LegResult> {
    signal.throwIfAborted()
    const { spec, shards } = this.#open(scope)
    if (spec.dense === null) throw missingPart(scope, 'dense')
    checkVector(query.vector, spec.dense.dimensions, 'the query')
    return complete((await shards.get(scope.tenant)?.searchDense(query, signal)) ?? [])
  }

  async searchLexical(scope: Scope, query: LexicalQuery, signal: AbortSignal): Promise<LegResult> {
    signal.throwIfAborted()
    const { spec, shards } = this.#open(scope)
    if (spec.lexical === null) throw missingPart(scope, 'lexical')
    return complete((await shards.get(scope.tenant)?.searchLexical(query, signal)) ?? [])
  }

  statistics(scope: Scope): LexicalStatistics {
    const { spec, shards } = this.#open(scope)
    if (spec.lexical === null) throw missingPart(scope, 'lexical')
    const analyzer: Analyzer = openAnalyzer(spec.lexical.analyzer)
    return {
      get chunkCount() {
        return shards.get(scope.tenant)?.size ?? 0
      },
      documentFrequency: (term) => shards.get(scope.tenant)?.documentFrequency(term) ?? 0,
      analyze: (text) => analyzer.terms(text),
    }
  }

  async readChunks(
    scope: Scope,
    ids: readonly ChunkId[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<ChunkId, Chunk>> {
    signal.throwIfAborted()
    const shard = this.#open(scope).shards.get(scope.tenant)
    const chunks = new Map<ChunkId, Chunk>()
    for (const id of ids) {
      const chunk = shard?.get(id)
      if (chunk !== undefined) chunks.set(id, chunk)
    }
    return chunks
  }

  async readNeighbours(
    scope: Scope,
    documentId: DocumentId,
    from: number,
    to: number,
    signal: AbortSignal,
  ): Promise<readonly Chunk[]> {
    signal.throwIfAborted()
    const chunks = this.#open(scope).shards.get(scope.tenant)?.ofDocument(documentId) ?? []
    return chunks
      .filter(({ ordinal }) => ordinal >= from && ordinal <= to)
      .sort((a, b) => a.ordinal - b.ordinal)
  }

  positionOf(scope: Scope): string | null {
    const { spec, lastWrites } = this.#open(scope)
    return spec.dense === null ? null : String(lastWrites.get(scope.tenant) ?? 0)
  }

  describe(): readonly IndexDescription[] {
    return [...this.#indexes.values()].map(({ ref, shards }) => {
      const parts = [...shards.values()]
      return {
        ...ref,
        shards: parts.length,
        chunks: parts.reduce((sum, { size }) => sum + size, 0),
        bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
      }
    })
  }

  async checkHealth(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
  }

  async close(): Promise<void> {
    this.#indexes.clear()
  }

  #open(ref: IndexRef): LocalIndex {
    const index = this.#indexes.get(keyOf(ref))
    if (index !== undefined) return index
    const { collection, index: id } = ref
    throw new QuarryError('not_found', `no index ${id} of collection ${collection}`)
  }

  #noteWrite(scope: Scope): void {
    this.#writes += 1
    this.#indexes.get(keyOf(scope))?.lastWrites.set(scope.tenant, this.#writes)
  }

  #shardToWrite(scope: Scope): Shard {
    const { spec, shards } = this.#open(scope)
    const known = shards.get(scope.tenant)
    if (known !== undefined) return known
    const { dense, lexical } = spec
    const shard = new Shard({
      dense,
      lexical: lexical === null ? null : { ...lexical, analyzer: openAnalyzer(lexical.analyzer) },
    })
    shards.set(scope.tenant, shard)
    return shard
  }
}

function keyOf({ collection, index }: IndexRef): string {
  return JSON.stringify([collection, index])
}

/** The scan looks at every row, so an answer is never short of what the filter lets through. */
function complete(candidates: Candidate[]): LegResult {
  return { candidates, underFilled: null }
}

function missingPart({ index }: IndexRef, part: 'dense' | 'lexical'): QuarryError {
  return new QuarryError('unsupported', `index ${index} has no ${part} part`)
}

function checkSpec({ dense, lexical }: IndexSpec): void {
  if (dense === null && lexical === null)
    throw new QuarryError('invalid_request', 'an index needs a dense part, a lexical part or both')
  if (dense !== null) checkDense(dense)
}

function checkDense({ algorithm, dimensions }: DenseSpec): void {
  const { algorithms, dimensionsMax } = CAPABILITIES
  if (!algorithms.includes(algorithm.kind))
    throw new QuarryError(
      'unsupported',
      `the local engine has no algorithm ${algorithm.kind}; it has ${algorithms.join(', ')}`,
    )
  if (!Number.isInteger(dimensions) || dimensions < 1)
    throw new QuarryError('invalid_request', `${dimensions} is no number of dimensions`)
  if (dimensions > dimensionsMax)
    throw new QuarryError(
      'unsupported',
      `the local engine takes up to ${dimensionsMax} dimensions, not ${dimensions}`,
    )
}
