import type { Work } from '../catalog/catalog.ts'
import { backoffMs, createWake } from '../core/wake.ts'
import type { Log } from '../observe/log.ts'
import type { DeliveryQueue } from './open-queue.ts'

export interface RelayDeps {
  readonly work: Pick<Work, 'claim' | 'release'>
  readonly queue: Pick<DeliveryQueue, 'add' | 'waiting'>
  /** Calls back on NOTIFY of the channel; see `Database.listen`. */
  readonly listen: (channel: string, onNotice: () => void) => Promise<() => Promise<void>>
  readonly log: Log
  readonly limits: RelayLimits
}

export interface RelayLimits {
  readonly jobItems: number
  readonly jobWaiting: number
  readonly jobPollMs: number
  readonly jobLockMs: number
}

export interface Relay {
  /** Looks at the outbox now rather than at the next poll. */
  notifyWrite(): void
  close(): Promise<void>
}

const WORK_CHANNEL = 'quarry_work'

/** How many lock times an item may be out before the queue counts as having lost it. */
export const LEASE_LOCKS = 10
const BACKOFF_MAX_MS = 30_000

/**
 * Carries the outbox into the queue. Only so many deliveries wait there: the rest of a large write stays in the catalog,
 * where it is cheap to cancel and to count.
 */
export async function startRelay(deps: RelayDeps): Promise<Relay> {
  const wake = createWake()
  const closing = new AbortController()
  const stopListening = await deps.listen(WORK_CHANNEL, () => wake.ring())
  const running = run(deps, wake, closing.signal)
  return {
    notifyWrite: () => wake.ring(),
    async close() {
      closing.abort()
      await running
      await stopListening()
    },
  }
}

async function run(
  deps: RelayDeps,
  wake: ReturnType<typeof createWake>,
  closing: AbortSignal,
): Promise<void> {
  let failures = 0
  while (!closing.aborted) {
    try {
      const moved = await moveOnce(deps)
      failures = 0
      if (!moved) await wake.sleep(deps.limits.jobPollMs, closing)
    } catch (error) {
      failures += 1
      deps.log.warn({ err: error, failures }, 'the outbox could not be carried into the queue')
      await wake.sleep(backoffMs(failures, deps.limits.jobPollMs, BACKOFF_MAX_MS), closing)
    }
  }
}

/** False when there was nothing to move or no room for it. */
async function moveOnce({ work, queue, limits }: RelayDeps): Promise<boolean> {
  const room = limits.jobWaiting - (await queue.waiting())
  if (room <= 0) return false
  const deliveries = await work.claim(room, limits.jobItems, limits.jobLockMs * LEASE_LOCKS)
  if (deliveries.length === 0) return false
  try {
    await queue.add(deliveries)
  } catch (error) {
    const items = deliveries.flatMap((delivery) => delivery.items)
    await work.release(items, limits.jobPollMs, null)
    throw error
  }
  return true
}
