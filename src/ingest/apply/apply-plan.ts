import type { Index } from '../../catalog/catalog.ts'
import type { Feed, LoadedChunk } from '../../catalog/change-feed.ts'
import type { ChunkId, Scope, TenantId } from '../../core/model.ts'
import { createPace } from '../../core/pace.ts'
import type { IndexedChunk, IndexSpec, IndexWriter } from '../../core/vector-store.ts'
import type { CollectionPlan, TenantPlan } from './plan.ts'

/** One index as one writer holds it. */
export interface ApplyTarget {
  readonly index: Index
  /** What this writer holds of the index; without a dense part, chunks go in without their vectors. */
  readonly spec: IndexSpec
  readonly writer: IndexWriter
  readonly feed: Pick<Feed, 'loadChunks' | 'scan'>
}

/** Chunks of one call into an engine in this process, small enough not to hold the event loop. */
const PROCESS_BATCH = 16
const SHARED_BATCH_MAX = 256

/** Brings one index to where the plan leads. Doing it again, or from an earlier place, ends at the same. */
export async function applyPlan(
  plan: CollectionPlan,
  target: ApplyTarget,
  signal: AbortSignal,
): Promise<void> {
  for (const [tenant, tenantPlan] of plan.tenants) {
    await applyTenantPlan(tenant, tenantPlan, target, signal)
  }
}

async function applyTenantPlan(
  tenant: TenantId,
  plan: TenantPlan,
  target: ApplyTarget,
  signal: AbortSignal,
): Promise<void> {
  const { index, writer, feed } = target
  const scope = scopeOf(index, tenant)
  if (plan.dropped) await writer.deleteTenant(scope, signal)
  const ops = [...(plan.chunks.get(index.space.chunking) ?? [])]
  const wanted = ops.filter(([, op]) => op === 'upsert').map(([id]) => id)
  const loaded =
    wanted.length === 0
      ? []
      : await feed.loadChunks(
          tenant,
          index.collection,
          index.space.chunking,
          index.space.id,
          wanted,
        )
  const live = new Set(loaded.map((chunk) => chunk.id))
  const gone = ops.filter(([id]) => !live.has(id)).map(([id]) => id)
  await deleteInBatches(gone, scope, target, signal)
  await writeChunks(loaded, target, signal)
}

/** Upserts chunks of any tenants, giving the event loop back between small batches. */
export async function writeChunks(
  chunks: readonly LoadedChunk[],
  target: ApplyTarget,
  signal: AbortSignal,
): Promise<void> {
  const pace = createPace()
  const size = batchSize(target)
  for (const [tenant, ofTenant] of groupByTenant(chunks)) {
    const scope = scopeOf(target.index, tenant)
    for (let at = 0; at < ofTenant.length; at += size) {
      const rows = ofTenant.slice(at, at + size).map((chunk) => indexed(chunk, target.spec))
      await target.writer.upsert(scope, rows, signal)
      await pace()
    }
  }
}

function groupByTenant(
  chunks: readonly LoadedChunk[],
): ReadonlyMap<TenantId, readonly LoadedChunk[]> {
  const groups = new Map<TenantId, LoadedChunk[]>()
  for (const chunk of chunks) {
    const group = groups.get(chunk.tenant)
    if (group === undefined) groups.set(chunk.tenant, [chunk])
    else group.push(chunk)
  }
  return groups
}

async function deleteInBatches(
  ids: readonly ChunkId[],
  scope: Scope,
  target: ApplyTarget,
  signal: AbortSignal,
): Promise<void> {
  const pace = createPace()
  const size = batchSize(target)
  for (let at = 0; at < ids.length; at += size) {
    await target.writer.deleteChunks(scope, ids.slice(at, at + size), signal)
    await pace()
  }
}

function batchSize({ writer }: ApplyTarget): number {
  const { residence, batchMax } = writer.capabilities
  return residence === 'process' ? PROCESS_BATCH : Math.min(batchMax, SHARED_BATCH_MAX)
}

function indexed({ tenant: _tenant, ...chunk }: LoadedChunk, spec: IndexSpec): IndexedChunk {
  return spec.dense === null ? { ...chunk, vector: null } : chunk
}

function scopeOf({ collection, index }: Index, tenant: TenantId): Scope {
  return { tenant, collection, index }
}
