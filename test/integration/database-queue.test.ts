import { createPostgresBackend, Queue, runMigrations, Worker } from 'bullmq'
import { expect, test } from 'vitest'
import { openTestDatabase } from '../support/database.ts'

test.each(['pglite', 'postgres'] as const)(
  'BullMQ runs on the pool of %s while the doors are in use',
  async (kind) => {
    const database = await openTestDatabase(kind)
    const session = await database.pool.connect()
    await runMigrations(session as never)
    session.release()
    const connection = database.pool as never
    const queue = new Queue('work', { connection }, createPostgresBackend as never)
    const done: number[] = []
    const worker = new Worker(
      'work',
      async (job) => {
        await database.asSystem((sql) => sql.query('SELECT 1'))
        done.push(job.data.n)
      },
      { connection, concurrency: 2 },
      createPostgresBackend as never,
    )
    await worker.waitUntilReady()
    for (let n = 0; n < 5; n++) await queue.add('one', { n })
    await expect.poll(() => done.length, { timeout: 20_000 }).toBe(5)
    // The worker has run dry and waits for a notice now; its LISTEN must hold up nobody.
    await database.asSystem((sql) => sql.query('SELECT 1'))
    await queue.add('late', { n: 99 })
    await expect.poll(() => done, { timeout: 20_000 }).toContain(99)
    await worker.close()
    await queue.close()
    await database.close()
  },
  60_000,
)
