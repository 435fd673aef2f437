import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Delivery } from '../../src/catalog/catalog.ts'
import type { Database } from '../../src/catalog/database.ts'
import type { DeliveryWork } from '../../src/jobs/open-queue.ts'
import { startWorker } from '../../src/jobs/worker.ts'
import { createLog } from '../../src/observe/log.ts'
import { openTestDatabase } from '../support/database.ts'
import { createTestCollection, createWorld } from '../support/ingest-world.ts'

let database: Database
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database?.close())

/** A worker whose deliveries the test hands over itself. */
async function openWorker(jobLockMs: number) {
  const world = createWorld(database)
  await createTestCollection(world.catalog, world.collection)
  let deliver: DeliveryWork = async () => {}
  await startWorker({
    ...world.deps,
    catalog: world.catalog,
    queue: {
      consume: async (work) => {
        deliver = work
        return { close: async () => {} }
      },
    },
    onDelivered: () => {},
    log: createLog({ level: 'silent' }),
    limits: { ...world.deps.limits, jobConcurrency: 1, jobLockMs, jobBackoffMs: 1 },
  })
  const work = (delivery: Delivery) => deliver(delivery, new AbortController().signal)
  return { world, work }
}

const dueAt = async (tenant: string): Promise<number> => {
  const { rows } = await database.asSystem((sql) =>
    sql.query<{ available_at: Date }>(
      'select available_at from quarry.job_items where tenant_id = $1',
      [tenant],
    ),
  )
  return rows[0]?.available_at.getTime() ?? 0
}

test('a delivery that outlives its lease stays its worker’s, and is nobody’s once it failed', async () => {
  const { world, work } = await openWorker(20)
  let letGo = (): void => {}
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  world.embedder.before = async () => {
    await held
    throw new Error('the model is gone')
  }
  await world.put({ a: 'one' })
  const [delivery] = await world.catalog.work.claim(1, 64, 0)
  if (delivery === undefined) throw new Error('nothing was claimed')
  const before = await dueAt(world.tenant)
  const done = work(delivery)
  while ((await dueAt(world.tenant)) === before) await pause(5)
  // Without renewal it would have been due at once.
  expect(await world.catalog.work.claim(1, 64, 0)).toEqual([])
  letGo()
  await done
  const after = await dueAt(world.tenant)
  await pause(60)
  expect(await dueAt(world.tenant)).toBe(after)
  expect((await world.catalog.work.claim(1, 64, 0)).map(({ items }) => items)).toEqual([
    delivery.items,
  ])
})
