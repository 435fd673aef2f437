import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Hono } from 'hono'
import { EMBEDDERS, GENERATORS, RERANKERS, STORES } from '../adapters/registry.ts'
import { openLocalEngine } from '../adapters/stores/local/open-local-engine.ts'
import { readSchemaSteps } from '../migrations/schema/apply.ts'
import type { Catalog } from './catalog/catalog.ts'
import { openDatabase } from './catalog/database/open-database.ts'
import type { Database } from './catalog/database.ts'
import { openCatalog } from './catalog/open-catalog.ts'
import type { AdapterConfig, AdapterSchemas, Config } from './config/schema.ts'
import type { ReplicaEngine } from './core/replica-engine.ts'
import { createTraffic } from './evals/traffic.ts'
import { createApp } from './http/app.ts'
import { createRecentRetrievals } from './http/recent-retrievals.ts'
import type { ServerLimits } from './http/server.ts'
import type { Log } from './observe/log.ts'
import type { Metrics } from './observe/metrics.ts'
import { openMetrics } from './observe/open-metrics.ts'
import { openUsageLedger } from './observe/open-usage-ledger.ts'
import { Closers } from './service/closers.ts'
import { openCollectionDesk } from './service/collection-desk.ts'
import { type AdapterConfigs, type Adapters, openAdapters } from './service/open-adapters.ts'
import { openEvals } from './service/open-evals.ts'
import { openReadSide } from './service/read-side.ts'
import { readinessOf } from './service/readiness.ts'
import type { Shared } from './service/shared.ts'
import { openWriteSide } from './service/write-side.ts'

export interface Roles {
  /** Works on jobs. */
  readonly worker: boolean
  /** Keeps an engine in this process and answers retrievals. */
  readonly replica: boolean
}

export interface Service {
  readonly app: Hono
  readonly catalog: Catalog
  readonly adapters: Adapters
  /** Resolves when retrievals see all that was indexed before the start. */
  readonly ready: Promise<void>
  readonly serverLimits: ServerLimits
  /** From now on `/readyz` says no, so that balancers look elsewhere while requests under way finish. */
  drain(): void
  /** Hands work back and closes everything, the last opened first. Safe to call twice. */
  close(drainMs: number): Promise<void>
}

/** What the config's `stores`, `embedders`, `rerankers` and `generators` may hold. */
export const adapterSchemas: AdapterSchemas = {
  stores: schemasOf(STORES),
  embedders: schemasOf(EMBEDDERS),
  rerankers: schemasOf(RERANKERS),
  generators: schemasOf(GENERATORS),
}

/** Between two writes of the usage ledger; a crash loses at most this much of it. */
const USAGE_FLUSH_MS = 1_000

/**
 * Config in, running service out.
 * @throws QuarryError when the catalog cannot be opened, the isolation self-test fails, or an adapter refuses its options
 */
export async function openService(
  config: Config,
  { roles, log }: { readonly roles: Roles; readonly log: Log },
): Promise<Service> {
  const closers = new Closers()
  try {
    return await assemble(config, roles, log, closers)
  } catch (error) {
    await closers.closeAll(0)
    throw error
  }
}

async function assemble(
  config: Config,
  roles: Roles,
  log: Log,
  closers: Closers,
): Promise<Service> {
  const database = closers.add(await openCatalogDatabase(config))
  const catalog = openCatalog(database, config.limits)
  const metrics = openMetrics()
  const usage = closers.add(
    openUsageLedger(catalog.usage, USAGE_FLUSH_MS, (error) =>
      log.warn({ err: error }, 'usage could not be written; kept for the next time'),
    ),
  )
  const engine = closers.add(await openEngine(config, log, roles.replica))
  metrics.watchEngine(() => engine.describe())
  const adapters = closers.add(
    await openConfigured(config, { pool: database.pool, engine, onBreaker: metrics.breaker }),
  )
  const shared: Shared = {
    config,
    database,
    catalog,
    adapters,
    engine,
    log,
    metrics,
    usage,
    processId: randomUUID(),
  }
  const read = closers.add(await openReadSide(shared, roles.replica))
  const write = closers.add(await openWriteSide(shared, roles.worker))
  const desk = openCollectionDesk(catalog, adapters, config.collection_defaults)

  const traffic = createTraffic()
  const evals = closers.add(await openEvals(shared, read, traffic, roles.replica))

  let draining = false
  const app = createApp({
    catalog,
    retrieve: traffic.counted(read.retrieve),
    evals,
    createCollection: desk.create,
    updateCollection: async (id, change) => {
      const collection = await desk.update(id, change)
      read.invalidate(id)
      return collection
    },
    notifyWrite: write.notifyWrite,
    waitIndexed: read.waitIndexed,
    readiness: () => readinessOf(database, read, draining),
    recent: createRecentRetrievals(config.limits.recalledBytes),
    log,
    metrics,
    usage,
    settings: { ...config.limits, insecureNoAuth: config.insecure_no_auth },
  })
  return {
    app,
    catalog,
    adapters,
    ready: read.ready,
    serverLimits: config.limits,
    drain: () => {
      draining = true
    },
    close: (drainMs) => closers.closeAll(drainMs),
  }
}

/** The embedded catalog in its folder, or Postgres; with the schema steps applied and isolation tested. */
export async function openCatalogDatabase(config: Config): Promise<Database> {
  const steps = await readSchemaSteps()
  const { database_url: url, data_dir: dataDir, limits } = config
  return url === null
    ? openDatabase({ kind: 'pglite', dataDir, limits, steps })
    : openDatabase({ kind: 'postgres', url: url.reveal(), limits, steps })
}

/** A process without a replica holds nothing, so it takes no folder that another could go on with. */
export function openEngine(config: Config, log: Log, keeps: boolean): Promise<ReplicaEngine> {
  const { engineMemoryBytes, engineDeltaRows, engineSealMs } = config.limits
  return openLocalEngine({
    ...(keeps ? { folder: join(config.data_dir, 'engine') } : {}),
    memoryBytes: engineMemoryBytes,
    deltaRows: engineDeltaRows,
    sealAfterMs: engineSealMs,
    log,
  })
}

export interface AdapterDeps {
  /** Of the catalog's database, for a store that is given no other. */
  readonly pool?: Database['pool'] | undefined
  /** One for the whole process, since it also serves the lexical side of indexes on other stores. */
  readonly engine?: ReplicaEngine | undefined
  readonly onBreaker?: Metrics['breaker'] | undefined
}

export function openConfigured(
  configs: AdapterConfigs,
  { engine, ...context }: AdapterDeps,
): Promise<Adapters> {
  return openAdapters(configs, {
    store: async ({ adapter, options }) =>
      adapter === 'local' && engine !== undefined
        ? engine
        : entryOf(STORES, adapter).open(options, context),
    embedder: ({ adapter, options }) => entryOf(EMBEDDERS, adapter).open(options, context),
    reranker: ({ adapter, options }) => entryOf(RERANKERS, adapter).open(options, context),
    generator: ({ adapter, options }) => entryOf(GENERATORS, adapter).open(options, context),
  })
}

function entryOf<T>(entries: Readonly<Record<string, T>>, adapter: AdapterConfig['adapter']): T {
  const entry = Object.hasOwn(entries, adapter) ? entries[adapter] : undefined
  if (entry === undefined) throw new Error(`the config let an unknown adapter "${adapter}" through`)
  return entry
}

function schemasOf(
  entries: Readonly<Record<string, { readonly options: AdapterSchemas['stores'][string] }>>,
) {
  return Object.fromEntries(Object.entries(entries).map(([name, { options }]) => [name, options]))
}
