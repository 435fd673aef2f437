import { QuarryError } from '../../src/core/errors.ts'
import type { Chunk, ChunkId, IndexId, IndexRef, Scope, TenantId } from '../../src/core/model.ts'
import type { Durability } from '../../src/core/replica-engine.ts'
import type {
  IndexedChunk,
  IndexSpec,
  IndexWriter,
  StoreCapabilities,
} from '../../src/core/vector-store.ts'

/** An outside store made of maps: whatever was written to it can be read back and compared. */
export interface MemoryIndex extends IndexWriter, Durability {
  readonly specs: Map<IndexId, IndexSpec>
  rows(index: IndexId): readonly (IndexedChunk & { readonly tenant: TenantId })[]
  /** Called before each write; what it throws, the write throws. */
  beforeWrite: (index: IndexId) => void | Promise<void>
  writes: number
}

export function openMemoryIndex(residence: StoreCapabilities['residence']): MemoryIndex {
  const specs = new Map<IndexId, IndexSpec>()
  const data = new Map<IndexId, Map<TenantId, Map<ChunkId, IndexedChunk>>>()
  const shardOf = ({ index, tenant }: Scope): Map<ChunkId, IndexedChunk> => {
    const tenants = data.get(index)
    if (tenants === undefined) throw new QuarryError('not_found', `no index ${index}`)
    const shard = tenants.get(tenant) ?? new Map()
    tenants.set(tenant, shard)
    return shard
  }
  const self: MemoryIndex = {
    name: 'memory',
    capabilities: {
      algorithms: ['flat'],
      metrics: ['cosine'],
      dimensionsMax: 4_096,
      batchMax: 100,
      exactAlgorithms: ['flat'],
      residence,
    },
    specs,
    writes: 0,
    indexes: () => [],
    covered: () => null,
    noteApplied: () => {},
    lost: () => [],
    noteRestored: () => {},
    beforeWrite: () => {},
    rows: (index) =>
      [...(data.get(index) ?? [])].flatMap(([tenant, shard]) =>
        [...shard.values()].map((chunk) => ({ ...chunk, tenant })),
      ),
    async createIndex({ index }: IndexRef, spec) {
      await self.beforeWrite(index)
      specs.set(index, spec)
      if (!data.has(index)) data.set(index, new Map())
    },
    async dropIndex({ index }) {
      specs.delete(index)
      data.delete(index)
    },
    async upsert(scope, chunks) {
      await self.beforeWrite(scope.index)
      self.writes += 1
      const shard = shardOf(scope)
      for (const chunk of chunks) {
        const stored = shard.get(chunk.id)
        if (stored === undefined || stored.revision <= chunk.revision) shard.set(chunk.id, chunk)
      }
    },
    async deleteChunks(scope, ids) {
      await self.beforeWrite(scope.index)
      self.writes += 1
      for (const id of ids) shardOf(scope).delete(id)
    },
    async deleteTenant(scope) {
      await self.beforeWrite(scope.index)
      self.writes += 1
      shardOf(scope).clear()
    },
    async *listChunkIds(scope) {
      yield* shardOf(scope).keys()
    },
    async checkHealth() {},
    async close() {},
  }
  return self
}

/** A chunk without what only some writers keep, for comparing with the catalog. */
export function plain(chunk: Chunk & { readonly tenant: TenantId }) {
  const { tenant, id, documentId, revision, ordinal, text, context, metadata } = chunk
  return { tenant, id, documentId, revision, ordinal, text, context, metadata }
}
