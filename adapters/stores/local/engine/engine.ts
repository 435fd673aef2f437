import { isDeepStrictEqual } from 'node:util'
import { openAnalyzer } from '../../../../src/core/analysis/open-analyzer.ts'
import { QuarryError } from '../../../../src/core/errors.ts'
import type { LexicalQuery, LexicalStatistics } from '../../../../src/core/lexical-index.ts'
import type {
  Chunk,
  ChunkId,
  DocumentId,
  FeedPosition,
  IndexRef,
  LegResult,
  Scope,
} from '../../../../src/core/model.ts'
import type { IndexDescription, ReplicaEngine } from '../../../../src/core/replica-engine.ts'
import { isBackgroundTurnOver, nextTurn } from '../../../../src/core/turns.ts'
import type { DenseQuery, IndexedChunk, IndexSpec } from '../../../../src/core/vector-store.ts'
import { checkVector } from '../check-vector.ts'
import { flatRowsBlockBytes } from '../dense/flat-rows.ts'
import { deltaBytesOf } from '../shard/delta.ts'
import type { Shard } from '../shard/shard.ts'
import { CAPABILITIES, checkSpec } from './check-spec.ts'
import type { Indexes } from './indexes.ts'
import type { LocalIndex } from './local-index.ts'
import type { Maintenance } from './maintenance.ts'
import type { Room } from './room.ts'
import { statisticsOf } from './statistics.ts'
import type { StoredShard } from './stored-shard.ts'

/** Written with room made for them, before others may come in between. */
const ROWS_OF_A_WRITE = 64
const NO_CANDIDATES: LegResult = { candidates: [], underFilled: null }

export interface EngineParts {
  readonly indexes: Indexes
  readonly maintenance: Maintenance
  readonly room: Room
  readonly close: () => Promise<void>
}

/** The ports over the indexes: each call finds the tenant's shard, has it in memory, and works on it. */
export class Engine implements ReplicaEngine {
  readonly name = 'local'
  readonly capabilities = CAPABILITIES
  readonly #indexes: Indexes
  readonly #maintenance: Maintenance
  readonly #room: Room
  readonly #close: () => Promise<void>
  /** Counts up over all indexes and is never reset, so that an index made anew takes no old position. */
  #writes = 0
  #closed: Promise<void> | null = null

  constructor({ indexes, maintenance, room, close }: EngineParts) {
    this.#indexes = indexes
    this.#maintenance = maintenance
    this.#room = room
    this.#close = close
  }

  async createIndex(ref: IndexRef, spec: IndexSpec, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    checkSpec(spec)
    const known = this.#indexes.get(ref)
    if (known === undefined) await this.#indexes.create(ref, spec)
    else if (!isDeepStrictEqual(known.spec, spec))
      throw new QuarryError('conflict', `index ${ref.index} exists with another spec`, {
        details: { asked: spec, exists: known.spec },
      })
  }

  async dropIndex(ref: IndexRef, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await this.#indexes.drop(ref)
  }

  async upsert(scope: Scope, chunks: readonly IndexedChunk[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { spec } = this.#open(scope)
    for (const chunk of chunks) {
      if (spec.dense !== null) checkVector(chunk.vector, spec.dense.dimensions, `chunk ${chunk.id}`)
      if (isBackgroundTurnOver()) await nextTurn(signal)
    }
    for (let from = 0; from < chunks.length; from += ROWS_OF_A_WRITE)
      await this.#put(scope, chunks.slice(from, from + ROWS_OF_A_WRITE), signal)
  }

  async #put(scope: Scope, chunks: readonly IndexedChunk[], signal: AbortSignal): Promise<void> {
    const bytes = chunks.reduce((sum, chunk) => sum + deltaBytesOf(chunk), 0)
    await this.#write(scope, bytes, async (stored, shard) => {
      for (const chunk of chunks) {
        shard.put(chunk, stored.applied)
        this.#noteWrite(scope)
        if (isBackgroundTurnOver()) await nextTurn(signal)
      }
    })
  }

  async deleteChunks(scope: Scope, ids: readonly ChunkId[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (!this.#open(scope).shards.has(scope.tenant) || ids.length === 0) return
    await this.#write(scope, 0, async (stored, shard) => {
      for (const id of ids) {
        if (shard.delete(id, stored.applied)) this.#noteWrite(scope)
        if (isBackgroundTurnOver()) await nextTurn(signal)
      }
    })
  }

  async deleteTenant(scope: Scope, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (!this.#open(scope).shards.has(scope.tenant)) return
    await this.#write(scope, 0, (stored, shard) => {
      shard.clear(stored.applied)
      this.#noteWrite(scope)
    })
  }

  async *listChunkIds(scope: Scope, signal: AbortSignal): AsyncIterable<ChunkId> {
    signal.throwIfAborted()
    const stored = this.#open(scope).shards.get(scope.tenant)
    if (stored === undefined) return
    const ids: ChunkId[] = []
    await stored.use(async (shard) => {
      for (const id of shard.ids()) {
        ids.push(id)
        if (isBackgroundTurnOver()) await nextTurn(signal)
      }
    })
    yield* ids
  }

  async searchDense(scope: Scope, query: DenseQuery, signal: AbortSignal): Promise<LegResult> {
    signal.throwIfAborted()
    const { spec } = this.#open(scope)
    if (spec.dense === null) throw missingPart(scope, 'dense')
    checkVector(query.vector, spec.dense.dimensions, 'the query')
    return (await this.#read(scope, (shard) => shard.searchDense(query, signal))) ?? NO_CANDIDATES
  }

  async searchLexical(scope: Scope, query: LexicalQuery, signal: AbortSignal): Promise<LegResult> {
    signal.throwIfAborted()
    const { spec } = this.#open(scope)
    if (spec.lexical === null) throw missingPart(scope, 'lexical')
    return (await this.#read(scope, (shard) => shard.searchLexical(query, signal))) ?? NO_CANDIDATES
  }

  async statistics(scope: Scope, signal: AbortSignal): Promise<LexicalStatistics> {
    signal.throwIfAborted()
    const index = this.#open(scope)
    const { lexical } = index.spec
    if (lexical === null) throw missingPart(scope, 'lexical')
    await this.#read(scope, () => undefined)
    return statisticsOf(() => index.shards.get(scope.tenant), openAnalyzer(lexical.analyzer))
  }

  async readChunks(
    scope: Scope,
    ids: readonly ChunkId[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<ChunkId, Chunk>> {
    signal.throwIfAborted()
    const chunks = new Map<ChunkId, Chunk>()
    await this.#read(scope, (shard) => {
      for (const id of ids) {
        const chunk = shard.get(id)
        if (chunk !== undefined) chunks.set(id, chunk)
      }
    })
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
    const chunks = (await this.#read(scope, (shard) => shard.ofDocument(documentId))) ?? []
    return chunks
      .filter(({ ordinal }) => ordinal >= from && ordinal <= to)
      .sort((a, b) => a.ordinal - b.ordinal)
  }

  positionOf(scope: Scope): string | null {
    const { spec, lastWrites } = this.#open(scope)
    return spec.dense === null ? null : String(lastWrites.get(scope.tenant) ?? 0)
  }

  describe(): readonly IndexDescription[] {
    return this.#indexes.all().map((index) => index.describe())
  }

  indexes(): readonly IndexRef[] {
    return this.#indexes.all().map(({ ref }) => ref)
  }

  covered(ref: IndexRef): FeedPosition | null {
    return this.#indexes.get(ref)?.covered ?? null
  }

  noteApplied(ref: IndexRef, position: FeedPosition): void {
    this.#indexes.get(ref)?.noteApplied(position)
  }

  lost(): readonly Scope[] {
    return this.#indexes
      .all()
      .flatMap(({ shards }) => [...shards.values()])
      .filter(({ lost }) => lost)
      .map(({ scope }) => scope)
  }

  noteRestored(scope: Scope): void {
    const stored = this.#indexes.get(scope)?.shards.get(scope.tenant)
    if (stored === undefined) return
    stored.lost = false
    this.#maintenance.noteWrite(stored)
  }

  async checkHealth(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
  }

  async close(): Promise<void> {
    this.#closed ??= this.#close()
    await this.#closed
  }

  #open(ref: IndexRef): LocalIndex {
    const index = this.#indexes.get(ref)
    if (index !== undefined) return index
    const { collection, index: id } = ref
    throw new QuarryError('not_found', `no index ${id} of collection ${collection}`)
  }

  async #read<T>(scope: Scope, work: (shard: Shard) => T | Promise<T>): Promise<T | undefined> {
    const stored = this.#open(scope).shards.get(scope.tenant)
    return await stored?.use((shard) => {
      stored.refuseIfLost()
      return work(shard)
    })
  }

  /** With room for so many bytes beside the largest block that a delta may take for vectors. */
  async #write(
    scope: Scope,
    bytes: number,
    work: (stored: StoredShard, shard: Shard) => void | Promise<void>,
  ): Promise<void> {
    const stored = this.#open(scope).shardToWrite(scope.tenant)
    await stored.use(async (shard) => {
      await this.#maintenance.beforeWrite(stored)
      try {
        const room = bytes + blockBytes(stored.spec.dense)
        await this.#room.during(room, () => work(stored, shard))
      } finally {
        this.#maintenance.noteWrite(stored)
      }
    })
    // Another call may have dropped the index meanwhile.
    this.#open(scope)
  }

  #noteWrite(scope: Scope): void {
    this.#writes += 1
    this.#indexes.get(scope)?.lastWrites.set(scope.tenant, this.#writes)
  }
}

function blockBytes(dense: IndexSpec['dense']): number {
  return dense === null ? 0 : flatRowsBlockBytes(dense.dimensions)
}

function missingPart({ index }: IndexRef, part: 'dense' | 'lexical'): QuarryError {
  return new QuarryError('unsupported', `index ${index} has no ${part} part`)
}
