import { setMaxListeners } from 'node:events'
import { Queue, Worker } from 'bullmq'
import type { Delivery } from '../catalog/catalog.ts'
import { QuarryError } from '../core/errors.ts'
import type { Limits } from '../core/limits.ts'
import { backoffMs } from '../core/wake.ts'
import type { Log } from '../observe/log.ts'
import { type DeliveryPayload, deliveryJobId, packDelivery, unpackDelivery } from './delivery.ts'
import { openTransport, type QueueBackend, type Transport } from './queue-backend.ts'

/** Carries deliveries to workers, at least once. Items that it loses come again from the outbox. */
export interface DeliveryQueue {
  /** A delivery that is still there under the same items is left as it is. */
  add(deliveries: readonly Delivery[]): Promise<void>
  /** Forgets every delivery, also those that a dead worker still seems to hold; the outbox brings their items again. */
  clear(): Promise<void>
  /** Deliveries that no worker has begun. */
  waiting(): Promise<number>
  /** A rejected `work` is tried again with growing pauses. */
  consume(work: DeliveryWork, options: ConsumeOptions): Promise<Consumer>
  close(): Promise<void>
}

/** `signal` is aborted when the consumer has run out of time to drain. */
export type DeliveryWork = (delivery: Delivery, signal: AbortSignal) => Promise<void>

export interface ConsumeOptions {
  readonly concurrency: number
  /** A delivery whose worker is silent for so long is given to another. */
  readonly lockMs: number
}

export interface Consumer {
  /** Takes no more deliveries, lets those under way finish for `drainMs`, then aborts them and waits for their end. */
  close(options: { readonly drainMs: number }): Promise<void>
}

export interface QueueOptions {
  readonly backend: QueueBackend
  readonly log: Log
  /** Queues of another name in the same backend know nothing of each other. */
  readonly name?: string | undefined
  readonly limits: QueueLimits
}

type QueueLimits = Pick<Limits, 'upstreamMs' | 'jobBackoffMs'>

const KEPT = { removeOnComplete: true, removeOnFail: true, stackTraceLimit: 1 } as const
/** A crash must never turn a delivery into a failure: the items carry their own count of attempts. */
const CRASHES_MAX = 1_000_000
const RETRY_MAX_MS = 60_000
/** Work that was told to stop gets this long before the consumer closes without it. */
const ABORT_GRACE_MS = 5_000
const CLOSE_MS = 2_000

export async function openQueue(options: QueueOptions): Promise<DeliveryQueue> {
  const { log, limits } = options
  const name = options.name ?? 'quarry-deliveries'
  const transport = await openTransport(options.backend)
  const settings = { connection: {}, prefix: 'quarry' }
  const queue = new Queue<DeliveryPayload, void, 'delivery'>(
    name,
    settings,
    transport.producer as never,
  )
  queue.on('error', (error) => log.warn({ err: error, queue: name }, 'the queue has trouble'))
  await within(limits.upstreamMs, queue.waitUntilReady(), () => hangUp(queue, log))
  return {
    async add(deliveries) {
      const jobs = deliveries.map((delivery) => ({
        name: 'delivery' as const,
        data: packDelivery(delivery),
        opts: {
          ...KEPT,
          jobId: deliveryJobId(delivery),
          attempts: CRASHES_MAX,
          backoff: { type: 'custom' },
        },
      }))
      await queue.addBulk(jobs)
    },
    clear: () => queue.obliterate({ force: true }),
    waiting: () => queue.getJobCountByTypes('waiting', 'delayed'),
    consume: (work, consume) => startConsumer({ name, transport, log, limits }, work, consume),
    close: () => hangUp(queue, log),
  }
}

interface ConsumerDeps {
  readonly name: string
  readonly transport: Transport
  readonly log: Log
  readonly limits: QueueLimits
}

async function startConsumer(
  { name, transport, log, limits }: ConsumerDeps,
  work: DeliveryWork,
  { concurrency, lockMs }: ConsumeOptions,
): Promise<Consumer> {
  const stop = new AbortController()
  // Every document of every delivery under way may listen.
  setMaxListeners(0, stop.signal)
  const worker = new Worker<DeliveryPayload, void, 'delivery'>(
    name,
    async (job) => {
      const delivery = unpackDelivery(job.data)
      if (delivery === null) return log.error({ job: job.id }, 'a delivery cannot be read; dropped')
      await work(delivery, stop.signal)
    },
    {
      connection: {},
      prefix: 'quarry',
      concurrency,
      lockDuration: lockMs,
      stalledInterval: Math.ceil(lockMs / 2),
      maxStalledCount: CRASHES_MAX,
      settings: {
        backoffStrategy: (attempts) => backoffMs(attempts, limits.jobBackoffMs, RETRY_MAX_MS),
      },
    },
    transport.consumer as never,
  )
  worker.on('error', (error) => log.warn({ err: error, queue: name }, 'the queue has trouble'))
  worker.on('stalled', (job) => log.warn({ job }, 'a delivery stalled; another worker gets it'))
  worker.on('failed', (job, error) => log.warn({ job: job?.id, err: error }, 'a delivery failed'))
  await within(limits.upstreamMs, worker.waitUntilReady(), () => hangUp(worker, log))
  return {
    async close({ drainMs }) {
      const closed = worker.close()
      if (await settlesWithin(drainMs, closed)) return
      stop.abort(new QuarryError('unavailable', 'the worker is stopping'))
      if (await settlesWithin(ABORT_GRACE_MS, closed)) return
      log.error({ queue: name }, 'the worker was cut off; its deliveries will stall and come again')
      await settlesWithin(CLOSE_MS, worker.disconnect())
    },
  }
}

/** A backend that is away can't be told goodbye: its connections are cut. */
async function hangUp(side: Closable, log: Log): Promise<void> {
  try {
    if (await settlesWithin(CLOSE_MS, side.close())) return
  } catch (error) {
    log.warn({ err: error }, 'the job queue did not close in order')
  }
  await settlesWithin(CLOSE_MS, side.disconnect())
}

interface Closable {
  close(): Promise<void>
  disconnect(): Promise<void>
}

async function settlesWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  try {
    return await Promise.race([promise.then(() => true as const), late])
  } finally {
    clearTimeout(timer)
  }
}

async function within(
  ms: number,
  ready: Promise<unknown>,
  close: () => Promise<void>,
): Promise<void> {
  if (await settlesWithin(ms, ready)) return
  void close().catch(() => {})
  throw new QuarryError('unavailable', `the job queue did not answer within ${ms} ms`)
}
