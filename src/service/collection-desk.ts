import type { Catalog, Collection } from '../catalog/catalog.ts'
import { newCollection, refuseWhatNeedsMigration } from '../catalog/new-collection.ts'
import { type CollectionPolicy, collectionPolicySchema } from '../catalog/policy.ts'
import { toCamel } from '../core/casing.ts'
import { QuarryError } from '../core/errors.ts'
import { layer } from '../core/layer.ts'
import type { CollectionId } from '../core/model.ts'
import { chunkingFingerprint, enrichmentOf } from '../ingest/enrich/enrichment.ts'
import type { Adapters } from './open-adapters.ts'

/** Makes and changes collections within what the config offers. */
export interface CollectionDesk {
  create(
    id: CollectionId,
    policy: unknown,
  ): Promise<{ readonly collection: Collection; readonly created: boolean }>
  update(id: CollectionId, change: Partial<CollectionPolicy>): Promise<Collection>
}

export function openCollectionDesk(
  catalog: Pick<Catalog, 'collections'>,
  adapters: Adapters,
  defaults: Readonly<Record<string, unknown>>,
): CollectionDesk {
  const named = toCamel(defaults) as Record<string, unknown>
  // The first of each kind stands where neither the request nor the defaults name one.
  const fallback = {
    embedder: first(adapters.embedders),
    store: first(adapters.stores),
    rerank: { model: first(adapters.rerankers) ?? null },
  }
  const base = layer(fallback, named)
  return {
    async create(id, given) {
      const policy = parsePolicy(layer(base, (given ?? {}) as Record<string, unknown>))
      return catalog.collections.create(planned(id, policy, adapters))
    },
    async update(id, change) {
      const before = await catalog.collections.get(id)
      if (before === null) throw new QuarryError('not_found', `there is no collection "${id}"`)
      const after = parsePolicy(layer(before.policy, change))
      refuseWhatNeedsMigration(before.policy, after)
      checkModels(after, adapters)
      return catalog.collections.updatePolicy(id, after)
    },
  }
}

function planned(id: CollectionId, policy: CollectionPolicy, adapters: Adapters) {
  checkModels(policy, adapters)
  return newCollection(id, policy, {
    profile: named('embedder', policy.embedder, adapters.embedders).profile,
    capabilities: named('store', policy.store, adapters.stores).capabilities,
    chunking: chunkingFingerprint(policy, enrichmentOf(policy, adapters.generators)),
  })
}

function checkModels(policy: CollectionPolicy, { rerankers, generators }: Adapters): void {
  const { rerank, queryExpansion, enrichment } = policy
  if (rerank.model !== null) named('rerank.model', rerank.model, rerankers)
  if (queryExpansion !== null)
    named('query_expansion.generator', queryExpansion.generator, generators)
  if (enrichment !== null) named('enrichment.generator', enrichment.generator, generators)
}

function named<T>(field: string, name: string, known: ReadonlyMap<string, T>): T {
  const found = known.get(name)
  if (found !== undefined) return found
  throw new QuarryError(
    'invalid_request',
    `${field}: "${name}" is not configured; there are: ${[...known.keys()].join(', ') || 'none'}`,
  )
}

/**
 * @throws QuarryError `invalid_request` with each fault and its place
 */
function parsePolicy(policy: unknown): CollectionPolicy {
  const parsed = collectionPolicySchema.safeParse(policy)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  throw new QuarryError('invalid_request', `the policy is not valid: ${faults.join('; ')}`)
}

function first(named: ReadonlyMap<string, unknown>): string | undefined {
  return named.keys().next().value
}
