import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Delivery } from '../../src/catalog/catalog.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import type { CollectionId, TenantId } from '../../src/core/model.ts'
import { Secret } from '../../src/core/secret.ts'
import { type Consumer, type DeliveryQueue, openQueue } from '../../src/jobs/open-queue.ts'
import type { QueueBackend } from '../../src/jobs/queue-backend.ts'
import { createLog } from '../../src/observe/log.ts'
import { openTestDatabase } from '../support/database.ts'
import { startTestRedis } from '../support/redis.ts'

const log = createLog({ level: 'silent' })
const delivery = (...items: number[]): Delivery => ({
  tenant: 'acme' as TenantId,
  collection: 'docs' as CollectionId,
  items: items.map(BigInt),
})

interface Place {
  readonly backend: QueueBackend
  close(): Promise<void>
}

async function onDatabase(kind: 'pglite' | 'postgres'): Promise<Place> {
  const database = await openTestDatabase(kind)
  return { backend: { kind: 'postgres', pool: database.pool }, close: database.close }
}

const PLACES: Record<string, () => Promise<Place>> = {
  async redis() {
    const redis = await startTestRedis()
    return { backend: { kind: 'redis', url: new Secret(redis.url) }, close: redis.close }
  },
  pglite: () => onDatabase('pglite'),
  postgres: () => onDatabase('postgres'),
}

describe.each(Object.keys(PLACES))('the delivery queue on %s', (name) => {
  let place: Place
  let queue: DeliveryQueue
  let consumers: Consumer[] = []
  let opened = 0

  beforeAll(async () => {
    const open = PLACES[name]
    if (open === undefined) throw new Error(`no such place: ${name}`)
    place = await open()
  })
  afterAll(() => place?.close())
  afterEach(async () => {
    await Promise.all(consumers.map((consumer) => consumer.close({ drainMs: 0 })))
    consumers = []
    await queue.close()
  })

  const start = async (): Promise<void> => {
    opened += 1
    queue = await openQueue({
      backend: place.backend,
      log,
      limits: DEFAULT_LIMITS,
      name: `test-${opened}`,
    })
  }
  const consume = async (
    work: (delivery: Delivery, signal: AbortSignal) => Promise<void>,
    options = { concurrency: 2, lockMs: 2_000 },
  ): Promise<Consumer> => {
    const consumer = await queue.consume(work, options)
    consumers.push(consumer)
    return consumer
  }
  const until = async (done: () => boolean | Promise<boolean>): Promise<void> => {
    for (let tries = 0; tries < 1_000; tries++) {
      if (await done()) return
      await pause(10)
    }
    throw new Error('waited 10 s in vain')
  }

  test('hands every delivery to a worker, ids unharmed', async () => {
    await start()
    const seen: Delivery[] = []
    await consume(async (one) => void seen.push(one))
    const sent = [delivery(1, 2), delivery(3)]
    sent.push({ ...delivery(3), items: [9_223_372_036_854_775_807n] })
    await queue.add(sent)
    await until(() => seen.length === 3)
    const order = (a: Delivery, b: Delivery): number =>
      String(a.items).localeCompare(String(b.items))
    expect(seen.sort(order)).toEqual(sent.sort(order))
    expect(await queue.waiting()).toBe(0)
  })

  test('does not double what is still waiting, and takes it again once it is done', async () => {
    await start()
    await queue.add([delivery(1, 2)])
    await queue.add([delivery(2, 1), delivery(3)])
    expect(await queue.waiting()).toBe(2)
    let runs = 0
    await consume(async () => void runs++)
    await until(() => runs === 2)
    await until(async () => (await queue.waiting()) === 0)
    await pause(100)
    await queue.add([delivery(1, 2)])
    await until(() => runs === 3)
  })

  test('tries a delivery again when the work rejects', async () => {
    await start()
    let runs = 0
    await consume(async () => {
      runs += 1
      if (runs === 1) throw new Error('the catalog was away')
    })
    await queue.add([delivery(1)])
    await until(() => runs === 2)
  })

  test('finishes what is under way before it closes, and takes nothing new', async () => {
    await start()
    let finished = false
    let begun = 0
    const consumer = await consume(
      async () => {
        begun += 1
        await pause(200)
        finished = true
      },
      { concurrency: 1, lockMs: 2_000 },
    )
    await queue.add([delivery(1), delivery(2)])
    await until(() => begun === 1)
    await consumer.close({ drainMs: 5_000 })
    expect(finished).toBe(true)
    expect(begun).toBe(1)
    expect(await queue.waiting()).toBe(1)
  })

  test('aborts work that outlasts the time to drain', async () => {
    await start()
    let reason: unknown
    let begun = false
    const consumer = await consume(async (_delivery, signal) => {
      begun = true
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          reason = signal.reason
          resolve()
        })
      })
    })
    await queue.add([delivery(1)])
    await until(() => begun)
    await consumer.close({ drainMs: 50 })
    expect(reason).toMatchObject({ code: 'unavailable' })
  })
})

test('a Redis that is gone is told to the relay at once, and delays no shutdown', async () => {
  const redis = await startTestRedis()
  const queue = await openQueue({
    backend: { kind: 'redis', url: new Secret(redis.url) },
    log,
    limits: DEFAULT_LIMITS,
  })
  const consumer = await queue.consume(async () => {}, { concurrency: 1, lockMs: 1_000 })
  await redis.close()
  await expect(queue.add([delivery(1)])).rejects.toThrow()
  await expect(queue.waiting()).rejects.toThrow()
  await consumer.close({ drainMs: 100 })
  await queue.close()
  const late = openQueue({
    backend: { kind: 'redis', url: new Secret(redis.url) },
    log,
    limits: { ...DEFAULT_LIMITS, upstreamMs: 200 },
  })
  await expect(late).rejects.toMatchObject({ code: 'unavailable' })
})
