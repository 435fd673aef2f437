import type { Change } from '../../catalog/change-feed.ts'
import type { ChunkId, CollectionId, TenantId } from '../../core/model.ts'

/** What a page of the feed comes to for one collection, each chunk named once with its last operation. */
export interface CollectionPlan {
  /** The collection was dropped on the way; `tenants` holds only what came after. */
  dropped: boolean
  readonly tenants: Map<TenantId, TenantPlan>
}

export interface TenantPlan {
  /** The tenant was dropped on the way; `chunks` holds only what came after. */
  dropped: boolean
  /** By chunking, since an index knows only the chunks of its own. */
  readonly chunks: Map<string, Map<ChunkId, 'upsert' | 'delete'>>
}

/**
 * Many changes of one chunk come to the last one: what is written is read from the catalog as it is now, so the steps
 * between would only be work.
 */
export function planChanges(changes: readonly Change[]): ReadonlyMap<CollectionId, CollectionPlan> {
  const plans = new Map<CollectionId, CollectionPlan>()
  for (const change of changes) {
    if (change.op === 'drop_collection') {
      plans.set(change.collection, { dropped: true, tenants: new Map() })
      continue
    }
    const plan = plans.get(change.collection) ?? { dropped: false, tenants: new Map() }
    plans.set(change.collection, plan)
    if (change.tenant !== null) noteTenantChange(plan, change.tenant, change)
  }
  return plans
}

function noteTenantChange(plan: CollectionPlan, tenant: TenantId, change: Change): void {
  if (change.op === 'drop_tenant') {
    plan.tenants.set(tenant, { dropped: true, chunks: new Map() })
    return
  }
  if (change.chunk === null || change.op === 'drop_collection') return
  const ofTenant = plan.tenants.get(tenant) ?? { dropped: false, chunks: new Map() }
  plan.tenants.set(tenant, ofTenant)
  const ofChunking = ofTenant.chunks.get(change.chunking) ?? new Map()
  ofTenant.chunks.set(change.chunking, ofChunking)
  ofChunking.set(change.chunk, change.op)
}
