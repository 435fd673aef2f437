import type { Collection } from '../catalog/catalog.ts'
import { Budget, type Clock } from '../core/budget.ts'
import { QuarryError } from '../core/errors.ts'
import type { CollectionId } from '../core/model.ts'
import { LruCache } from './cache.ts'
import type { RetrieveDeps } from './deps.ts'
import { type PlanLimits, type PlanSources, planRetrieval } from './plan.ts'
import type { Degradation, RetrieveRequest } from './request.ts'
import { reasonOf } from './stage.ts'

export interface PlannerSources extends PlanSources {
  readonly limits: PlanLimits & { readonly aliasCacheMs: number }
  readCollection(id: CollectionId): Promise<Collection | null>
  readonly clock?: Clock | undefined
}

export interface Planner {
  readonly planFor: RetrieveDeps['planFor']
  /** To be called when a collection's policy or alias has changed. */
  invalidate(id: CollectionId): void
}

/**
 * Plans from collections as they were read at most `aliasCacheMs` ago. Half-way there they are read anew in the
 * background, so that a busy collection's retrievals never wait for the catalog; and when the catalog does not
 * answer, what is known serves on and the answer says so.
 */
export function createPlanner(sources: PlannerSources): Planner {
  const cache = new CollectionCache(sources)
  return {
    async planFor(tenant, id, request) {
      const { collection, late } = await cache.current(id, request)
      const plan = planRetrieval(collection, tenant, request, sources)
      return late === null ? plan : { ...plan, refused: [late, ...plan.refused] }
    },
    invalidate: (id) => cache.invalidate(id),
  }
}

interface Known {
  readonly collection: Collection
  readonly readAtMs: number
}

const COLLECTIONS_MAX = 10_000
/** Of a retrieval's budget, for a catalog that may not answer while an older reading is at hand. */
const REREAD_SHARE = 0.25

class CollectionCache {
  readonly #sources: PlannerSources
  readonly #clock: Clock
  readonly #known = new LruCache<Known>(COLLECTIONS_MAX)
  readonly #reading = new Map<CollectionId, Promise<Collection>>()

  constructor(sources: PlannerSources) {
    this.#sources = sources
    this.#clock = sources.clock ?? (() => performance.now())
  }

  async current(
    id: CollectionId,
    { budgetMs, signal }: RetrieveRequest,
  ): Promise<{ readonly collection: Collection; readonly late: Degradation | null }> {
    const known = this.#known.get(id)
    if (known === undefined) return { collection: await this.#read(id), late: null }
    const ageMs = this.#clock() - known.readAtMs
    const ageMaxMs = this.#sources.limits.aliasCacheMs
    if (ageMs < ageMaxMs / 2) return { collection: known.collection, late: null }
    const reading = this.#read(id)
    if (ageMs < ageMaxMs) {
      // A failure is met by the first retrieval that finds the reading too old.
      reading.catch(() => {})
      return { collection: known.collection, late: null }
    }
    try {
      const waiting = Budget.start(budgetMs * REREAD_SHARE, { signal })
      return { collection: await waiting.run(() => reading), late: null }
    } catch (cause) {
      signal?.throwIfAborted()
      if (!(cause instanceof QuarryError) || !cause.retryable) throw cause
      const late = { stage: 'plan', reason: reasonOf(cause), fallback: 'stale_index' } as const
      return { collection: known.collection, late: { ...late, detail: cause.message } }
    }
  }

  /** What is being read now may be from before the change, so it is not kept either. */
  invalidate(id: CollectionId): void {
    this.#known.delete(id)
    this.#reading.delete(id)
  }

  #read(id: CollectionId): Promise<Collection> {
    const underWay = this.#reading.get(id)
    if (underWay !== undefined) return underWay
    const startedMs = this.#clock()
    const reading: Promise<Collection> = this.#sources
      .readCollection(id)
      .then((collection) => {
        if (this.#reading.get(id) === reading) this.#keep(id, collection, startedMs)
        if (collection !== null) return collection
        throw new QuarryError('not_found', `collection "${id}" does not exist`)
      })
      .finally(() => {
        if (this.#reading.get(id) === reading) this.#reading.delete(id)
      })
    this.#reading.set(id, reading)
    return reading
  }

  #keep(id: CollectionId, collection: Collection | null, readAtMs: number): void {
    if (collection === null) this.#known.delete(id)
    else this.#known.set(id, { collection, readAtMs })
  }
}
