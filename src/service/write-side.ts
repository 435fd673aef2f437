import type { Catalog, EmbeddingSpace } from '../catalog/catalog.ts'
import type { PoolLike } from '../catalog/database.ts'
import type { CollectionPolicy } from '../catalog/policy.ts'
import { spaceIdOfProfile, spaceMismatch } from '../catalog/space-id.ts'
import type { Config } from '../config/schema.ts'
import type { Embedder } from '../core/embedder.ts'
import { QuarryError } from '../core/errors.ts'
import type { Generator } from '../core/generator.ts'
import { startSharedApplier } from '../ingest/apply/shared-applier.ts'
import { chunkingFingerprint, enrichmentOf } from '../ingest/enrich/enrichment.ts'
import { openParser } from '../ingest/parse/parse-document.ts'
import type { Chunking } from '../ingest/prepare.ts'
import { type DeliveryQueue, openQueue } from '../jobs/open-queue.ts'
import { startRelay } from '../jobs/relay.ts'
import { startWorker } from '../jobs/worker.ts'
import type { Log } from '../observe/log.ts'
import { Closers } from './closers.ts'
import type { Shared } from './shared.ts'

export interface WriteSide {
  /** Looks at the outbox now rather than at the next poll. */
  readonly notifyWrite: () => void
  readonly close: (drainMs: number) => Promise<void>
}

/** The worker's half: relay from the outbox, the queue, ingestion, and the appliers of shared stores. */
export async function openWriteSide(shared: Shared, active: boolean): Promise<WriteSide> {
  // The write itself notifies whoever works, in this process or another.
  if (!active) return { notifyWrite: () => {}, close: async () => {} }
  const { config, database, catalog, log } = shared
  const { limits } = config
  const closers = new Closers()
  const listen = (channel: string, onNotice: () => void) => database.listen(channel, onNotice)
  try {
    const queue = closers.add(await openConfiguredQueue(config, database.pool, log))
    if (database.kind === 'pglite') await startAfresh(queue, catalog)
    const relay = closers.add(await startRelay({ work: catalog.work, queue, listen, log, limits }))
    await addWorker(shared, closers, queue, relay.notifyWrite)
    closers.add(
      await startSharedApplier({
        catalog,
        sharedStore: (name) => {
          const store = shared.adapters.stores.get(name)
          return store?.capabilities.residence === 'shared' ? store : null
        },
        holder: shared.processId,
        listen,
        log,
        limits,
      }),
    )
    return { notifyWrite: relay.notifyWrite, close: (drainMs) => closers.closeAll(drainMs) }
  } catch (error) {
    await closers.closeAll(0)
    throw error
  }
}

/** On Redis where the config names one, and else in the catalog's own database. */
export function openConfiguredQueue(
  { redis_url: url, limits }: Config,
  pool: PoolLike | undefined,
  log: Log,
): Promise<DeliveryQueue> {
  if (url !== null) return openQueue({ backend: { kind: 'redis', url }, log, limits })
  if (pool === undefined)
    throw new QuarryError('unavailable', 'it lives in the catalog, which cannot be opened')
  return openQueue({ backend: { kind: 'postgres', pool }, log, limits })
}

/** The embedded catalog has one process, so whatever an earlier one left under way died with it: no lease to wait for. */
async function startAfresh(
  queue: Pick<DeliveryQueue, 'clear'>,
  { work }: Pick<Catalog, 'work'>,
): Promise<void> {
  await queue.clear()
  await work.recover()
}

async function addWorker(
  { config, catalog, adapters, usage, metrics, log }: Shared,
  closers: Closers,
  queue: DeliveryQueue,
  onDelivered: () => void,
): Promise<void> {
  const { limits } = config
  const parser = openParser(limits)
  closers.add({ close: async () => parser.close() })
  const worker = await startWorker({
    catalog,
    parser,
    embedderFor: (space) => embedderOf(space, adapters.embedders),
    chunkingOf: ({ policy }, space) => chunkingNamed(space.chunking, policy, adapters.generators),
    usage,
    metrics,
    queue,
    onDelivered,
    log,
    limits: { ...limits, parseConcurrency: limits.parseChildren },
  })
  closers.add({ close: (drainMs: number) => worker.close({ drainMs }) })
}

/** What the policy makes of documents, if that is what the space holds. */
function chunkingNamed(
  fingerprint: string,
  policy: CollectionPolicy,
  generators: ReadonlyMap<string, Generator>,
): Chunking {
  const enrichment = enrichmentOf(policy, generators)
  if (chunkingFingerprint(policy, enrichment) === fingerprint)
    return { chunker: policy.chunker, enrichment }
  throw new QuarryError(
    'unavailable',
    enrichment === null
      ? `no chunker has the fingerprint ${fingerprint}`
      : `the collection's chunks were made as ${fingerprint}, which the chunker and generator "${policy.enrichment?.generator}" no longer make: give the generator its model and revision back, or re-embed the collection`,
  )
}

function embedderOf(space: EmbeddingSpace, embedders: ReadonlyMap<string, Embedder>): Embedder {
  const found = embedders.get(space.embedder)
  if (found === undefined)
    throw new QuarryError('unavailable', `embedder "${space.embedder}" is no longer configured`)
  const offered = spaceIdOfProfile(found.profile, space.chunking)
  if (offered === space.id) return found
  throw new QuarryError('unavailable', spaceMismatch(space, found.profile, offered))
}
