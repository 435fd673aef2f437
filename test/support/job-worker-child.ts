import { setTimeout as pause } from 'node:timers/promises'
import { readSchemaSteps } from '../../migrations/schema/apply.ts'
import { openDatabase } from '../../src/catalog/database/open-database.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import { Secret } from '../../src/core/secret.ts'
import { openQueue } from '../../src/jobs/open-queue.ts'
import type { QueueBackend } from '../../src/jobs/queue-backend.ts'
import { startWorker } from '../../src/jobs/worker.ts'
import { createLog } from '../../src/observe/log.ts'
import { createWorld } from './ingest-world.ts'

/**
 * A worker process on a Postgres of its parent. Says `ready`, then `begun` at each embedding, which takes as long as
 * the second argument says; SIGTERM drains it within 100 ms. A third argument puts the queue on that Redis.
 */
const [url = '', embedMs = '0', redisUrl] = process.argv.slice(2)
const log = createLog({ level: 'silent' })
const database = await openDatabase({
  kind: 'postgres',
  url,
  limits: DEFAULT_LIMITS,
  steps: await readSchemaSteps(),
})
const backend: QueueBackend =
  redisUrl === undefined
    ? { kind: 'postgres', pool: database.pool }
    : { kind: 'redis', url: new Secret(redisUrl) }
const queue = await openQueue({ backend, log, limits: DEFAULT_LIMITS })
const world = createWorld(database)
world.embedder.before = async (_texts, signal) => {
  process.send?.('begun')
  await pause(Number(embedMs), undefined, { signal })
}
const worker = await startWorker({
  ...world.deps,
  catalog: world.catalog,
  queue,
  onDelivered: () => {},
  log,
  limits: {
    ...world.deps.limits,
    jobConcurrency: 1,
    jobLockMs: 1_000,
    jobAttempts: 5,
    jobBackoffMs: 50,
  },
})
process.once('SIGTERM', async () => {
  await worker.close({ drainMs: 100 })
  await queue.close()
  await database.close()
  process.exit(0)
})
process.send?.('ready')
