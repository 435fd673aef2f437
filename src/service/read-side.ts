import { spaceIdOfProfile } from '../catalog/space-id.ts'
import { QuarryError } from '../core/errors.ts'
import type { CollectionId, TenantId } from '../core/model.ts'
import { type Replica, startReplica } from '../ingest/apply/replica.ts'
import { waitVersion } from '../ingest/apply/wait-version.ts'
import { createCaches } from '../retrieve/cache.ts'
import type { RetrieveDeps } from '../retrieve/deps.ts'
import { createPlanner } from '../retrieve/planner.ts'
import type { RetrieveRequest, RetrieveResponse } from '../retrieve/request.ts'
import { retrieve } from '../retrieve/retrieve.ts'
import { openAssembler } from './assembler.ts'
import type { Shared } from './shared.ts'

export interface ReadSide {
  readonly retrieve: (request: RetrieveRequest) => Promise<RetrieveResponse>
  /** With caches apart, for evals: they neither profit from what users asked nor push it out. */
  readonly retrieveApart: (request: RetrieveRequest) => Promise<RetrieveResponse>
  readonly waitIndexed: (
    tenant: TenantId,
    collection: CollectionId,
    version: bigint,
    signal: AbortSignal,
  ) => Promise<boolean>
  /** To be called when a collection's policy or alias has changed. */
  readonly invalidate: (id: CollectionId) => void
  readonly ready: Promise<void>
  /** Why retrievals would not see everything yet; null when they do. */
  readonly behind: () => string | null
  readonly close: () => Promise<void>
}

/** The query service's half: a replica of the catalog in this process, and the retrieval over it. */
export async function openReadSide(shared: Shared, active: boolean): Promise<ReadSide> {
  if (!active) return withoutReplica()
  const { config, database, catalog, adapters, engine, log, metrics } = shared
  const replica = await startReplica({
    catalog,
    engine,
    localStore: localStoreOf(adapters),
    listen: (channel, onNotice) => database.listen(channel, onNotice),
    log,
    metrics,
    limits: config.limits,
  })
  const waiting = { catalog, replica, isShared: (store: string) => isShared(adapters, store) }
  const planner = createPlanner({
    embedders: adapters.embedders,
    stores: adapters.stores,
    rerankers: adapters.rerankers,
    generators: adapters.generators,
    lexical: engine,
    chunks: engine,
    spaceOf: ({ profile }, chunking) => spaceIdOfProfile(profile, chunking),
    readCollection: (id) => catalog.collections.get(id),
    limits: config.limits,
  })
  const deps: RetrieveDeps = {
    planFor: planner.planFor,
    freshness: {
      waitApplied: (tenant, collection, version, signal) =>
        waitVersion(tenant, collection, version, waiting, signal),
      position: (scope) => engine.positionOf(scope),
    },
    assemble: await openAssembler({ chunks: engine, templates: config.templates }),
    caches: createCaches(config.limits),
    onUnreadable: (scope, count) => {
      metrics.unreadable(count)
      log.warn({ tenant: scope.tenant, index: scope.index, count }, 'candidates without a chunk')
    },
  }
  const apart = { ...deps, caches: createCaches({ ...config.limits, ...CACHED_APART }) }
  return {
    retrieve: (request) => retrieve(request, deps),
    retrieveApart: (request) => retrieve(request, apart),
    waitIndexed: deps.freshness.waitApplied,
    invalidate: planner.invalidate,
    ready: replica.ready,
    behind: () => behind(replica),
    close: () => replica.close(),
  }
}

/** Vectors for asking one query at several stages without paying for it each time; whole answers never. */
const CACHED_APART = { queryCacheEntries: 64, resultCacheEntries: 0 }

function behind(replica: Replica): string | null {
  const { changes, seconds } = replica.lag()
  if (seconds < LAG_SECONDS_MAX) return null
  return `the replica is ${seconds.toFixed(1)} s behind the change feed (${changes} changes)`
}

/** A worker alone answers nothing; what would need a replica says so. */
function withoutReplica(): ReadSide {
  const refuse = async (): Promise<never> => {
    throw new QuarryError('unavailable', 'this process has no replica: it only works on jobs')
  }
  return {
    retrieve: refuse,
    retrieveApart: refuse,
    waitIndexed: refuse,
    invalidate: () => {},
    ready: Promise.resolve(),
    behind: () => null,
    close: async () => {},
  }
}

function isShared({ stores }: Shared['adapters'], name: string): boolean {
  return stores.get(name)?.capabilities.residence === 'shared'
}

function localStoreOf({ stores }: Shared['adapters']): string {
  for (const [name, { capabilities }] of stores)
    if (capabilities.residence === 'process') return name
  return ''
}

/** Longer than a burst takes to apply, shorter than a balancer's patience. */
const LAG_SECONDS_MAX = 10
