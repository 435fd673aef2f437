import type { Delivery, Work, WorkItem } from '../catalog/catalog.ts'
import { type IngestDeps, ingestBatch } from '../ingest/ingest.ts'
import type { Log } from '../observe/log.ts'
import type { Consumer, DeliveryQueue } from './open-queue.ts'
import { LEASE_LOCKS } from './relay.ts'
import { type SettleLimits, settle } from './settle.ts'

export interface WorkerDeps extends Omit<IngestDeps, 'limits'> {
  readonly catalog: IngestDeps['catalog'] & { readonly work: Work }
  readonly queue: Pick<DeliveryQueue, 'consume'>
  /** Called after each delivery, so that the relay fills the place that it left. */
  readonly onDelivered: () => void
  readonly log: Log
  readonly limits: IngestDeps['limits'] &
    SettleLimits & { readonly jobConcurrency: number; readonly jobLockMs: number }
}

export interface Worker {
  /** Takes no more deliveries; those still under way after `drainMs` are aborted and handed back. */
  close(options: { readonly drainMs: number }): Promise<void>
}

export async function startWorker(deps: WorkerDeps): Promise<Worker> {
  const consumer: Consumer = await deps.queue.consume(
    async (delivery, signal) => {
      await processDelivery(delivery, deps, signal)
      deps.onDelivered()
    },
    { concurrency: deps.limits.jobConcurrency, lockMs: deps.limits.jobLockMs },
  )
  return consumer
}

/**
 * A process that dies says nothing about the documents that it held: most were its bad luck, and a deploy gone wrong may
 * kill many in a row. So it takes many deaths, with no answer in between, until a document is taken for their cause.
 */
const DEATHS_PER_ATTEMPT = 20

/** Rejects only when the catalog cannot be reached; the queue then tries the whole delivery again. */
async function processDelivery(
  delivery: Delivery,
  deps: WorkerDeps,
  signal: AbortSignal,
): Promise<void> {
  const startedMs = performance.now()
  const { work } = deps.catalog
  const items = await work.load(delivery.items)
  const worn = items.filter((item) => item.attempts > deps.limits.jobAttempts * DEATHS_PER_ATTEMPT)
  for (const item of worn) {
    const reason = `${item.attempts} tries ended without an answer: the worker died or was stopped each time`
    await work.bury(item, reason)
    deps.metrics.ingested('failed', 1, 0)
  }
  const fresh = items.filter((item) => !worn.includes(item))
  const stopRenewing = keepLeased(fresh, deps)
  const outcomes = await ingestBatch(fresh, deps, signal)
  await stopRenewing()
  const counts = await settle(outcomes, deps, signal)
  const tookMs = Math.round(performance.now() - startedMs)
  const { tenant, collection } = delivery
  deps.log.info({ tenant, collection, ...counts, tookMs }, 'delivery done')
}

/**
 * Waiting for a generator, a delivery can outlive its lease; while it is worked on, nobody else is to pay for it again.
 * What is to be said of the items at the end comes after the last renewal.
 */
function keepLeased(
  items: readonly WorkItem[],
  { catalog: { work }, limits: { jobLockMs }, log }: WorkerDeps,
): () => Promise<void> {
  const ids = items.map(({ id }) => id)
  let renewing = Promise.resolve()
  const timer = setInterval(() => {
    renewing = renewing
      .then(() => work.renew(ids, jobLockMs * LEASE_LOCKS))
      .catch((error: unknown) => {
        log.warn({ err: error }, 'a lease on documents could not be renewed')
      })
  }, jobLockMs)
  return () => {
    clearInterval(timer)
    return renewing
  }
}
