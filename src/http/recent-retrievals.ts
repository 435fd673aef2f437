import type { CollectionId, DocumentId, TenantId } from '../core/model.ts'

/** What can be said later of a retrieval that was answered. */
export interface RecentRetrieval {
  readonly collection: CollectionId
  readonly query: string
  /** Of the hits, each once, best first. */
  readonly documents: readonly DocumentId[]
}

/** The latest retrievals that this process answered; others' are not in it, and a restart forgets them all. */
export interface RecentRetrievals {
  remember(tenant: TenantId, id: string, retrieval: RecentRetrieval): void
  /** Null for one that is too long ago, of another process or of another tenant. */
  recall(tenant: TenantId, id: string): RecentRetrieval | null
}

interface Entry {
  readonly tenant: TenantId
  readonly retrieval: RecentRetrieval
  readonly bytes: number
}

/** Of an entry beside its texts: objects, the id, the map's own. */
const ENTRY_BYTES = 400
const TEXT_BYTES = 40

/** The oldest go when all together would take more than `bytesMax`. */
export function createRecentRetrievals(bytesMax: number): RecentRetrievals {
  const entries = new Map<string, Entry>()
  let heldBytes = 0
  const drop = (id: string, { bytes }: Entry): void => {
    entries.delete(id)
    heldBytes -= bytes
  }
  return {
    remember(tenant, id, retrieval) {
      const bytes = bytesOf(retrieval)
      if (bytes > bytesMax) return
      const before = entries.get(id)
      if (before !== undefined) drop(id, before)
      entries.set(id, { tenant, retrieval, bytes })
      heldBytes += bytes
      for (const [oldest, entry] of entries) {
        if (heldBytes <= bytesMax) break
        drop(oldest, entry)
      }
    },
    recall(tenant, id) {
      const entry = entries.get(id)
      return entry?.tenant === tenant ? entry.retrieval : null
    },
  }
}

/** At two bytes a character, as most engines keep text at worst. */
function bytesOf({ query, documents }: RecentRetrieval): number {
  const chars = documents.reduce((sum, id) => sum + id.length, query.length)
  return ENTRY_BYTES + TEXT_BYTES * documents.length + 2 * chars
}
