import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { readSchemaSteps } from '../../migrations/schema/apply.ts'
import type { Job } from '../../src/catalog/catalog.ts'
import { openDatabase } from '../../src/catalog/database/open-database.ts'
import type { Database } from '../../src/catalog/database.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import { FEED_START } from '../../src/core/model.ts'
import { Secret } from '../../src/core/secret.ts'
import { startChild } from '../../src/core/spawnable.ts'
import { type DeliveryQueue, openQueue } from '../../src/jobs/open-queue.ts'
import type { QueueBackend } from '../../src/jobs/queue-backend.ts'
import { type Relay, startRelay } from '../../src/jobs/relay.ts'
import { createLog } from '../../src/observe/log.ts'
import { createTestCollection, createWorld, type World } from '../support/ingest-world.ts'
import { createTestPostgres } from '../support/postgres.ts'
import { startTestRedis } from '../support/redis.ts'

const log = createLog({ level: 'silent' })
let url: string
let remove: () => Promise<void>
let database: Database
let world: World
let queue: DeliveryQueue
let relay: Relay
let children: ChildProcess[] = []
let workerArguments: string[] = []

async function open(redisUrl?: string): Promise<void> {
  ;({ url, remove } = await createTestPostgres())
  database = await openDatabase({
    kind: 'postgres',
    url,
    limits: DEFAULT_LIMITS,
    steps: await readSchemaSteps(),
  })
  world = createWorld(database)
  await createTestCollection(world.catalog, world.collection)
  workerArguments = redisUrl === undefined ? [] : [redisUrl]
  const backend: QueueBackend =
    redisUrl === undefined
      ? { kind: 'postgres', pool: database.pool }
      : { kind: 'redis', url: new Secret(redisUrl) }
  queue = await openQueue({ backend, log, limits: DEFAULT_LIMITS })
  relay = await startRelay({
    work: world.catalog.work,
    queue,
    listen: (channel, onNotice) => database.listen(channel, onNotice),
    log,
    limits: { jobItems: 3, jobWaiting: 32, jobPollMs: 100, jobLockMs: 1_000 },
  })
}
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  children = []
  await relay?.close()
  await queue?.close()
  await database?.close()
  await remove?.()
})

async function startWorkerProcess(embedMs: number): Promise<ChildProcess> {
  const entry = new URL('../support/job-worker-child.ts', import.meta.url)
  const child = startChild(entry, [url, String(embedMs), ...workerArguments])
  children.push(child)
  await says(child, 'ready')
  return child
}

async function says(child: ChildProcess, word: string): Promise<void> {
  const gone = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the worker ended (${code ?? signal}) before it said ${word}`)
  })
  gone.catch(() => {})
  for (;;) {
    const [message] = await Promise.race([once(child, 'message'), gone])
    if (message === word) return
  }
}

async function finished(id: string | null): Promise<Job> {
  for (let tries = 0; tries < 600; tries++) {
    const job = await world.catalog.jobs.get(world.tenant, String(id))
    if (job !== null && job.finishedAt !== null) return job
    await pause(50)
  }
  throw new Error('waited 30 s in vain')
}

/** One change a chunk, whatever was redelivered: done once in effect. */
async function changesPerChunk(): Promise<number[]> {
  const counts = new Map<string, number>()
  for (const { chunk } of await world.catalog.feed.read(FEED_START, 1_000)) {
    counts.set(String(chunk), (counts.get(String(chunk)) ?? 0) + 1)
  }
  return [...counts.values()]
}

async function killInTheMiddle(): Promise<void> {
  const doomed = await startWorkerProcess(60_000)
  const begun = says(doomed, 'begun')
  const { jobId } = await world.put({ a: 'one', b: 'two' })
  await begun
  doomed.kill('SIGKILL')
  await once(doomed, 'exit')
  await startWorkerProcess(0)
  expect((await finished(jobId)).counts).toMatchObject({ total: 2, done: 2, dead: 0 })
  expect(await world.chunks()).toEqual(['a#0 one', 'b#0 two'])
  expect(await changesPerChunk()).toEqual([1, 1])
}

test('a worker killed in the middle of a delivery is replaced, and the work is done once in effect', async () => {
  await open()
  await killInTheMiddle()
}, 60_000)

test('and so it is when the queue is on Redis', async () => {
  const redis = await startTestRedis()
  try {
    await open(redis.url)
    await killInTheMiddle()
  } finally {
    for (const child of children) child.kill('SIGKILL')
    await relay.close()
    await queue.close()
    await redis.close()
  }
}, 60_000)

test('two workers share the work while one after another is killed', async () => {
  await open()
  await startWorkerProcess(20)
  const texts = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`d${i}`, `text ${i}`]))
  const { jobId } = await world.put(texts)
  for (let kills = 0; kills < 2; kills++) {
    const doomed = await startWorkerProcess(20)
    await Promise.race([says(doomed, 'begun'), finished(jobId)])
    doomed.kill('SIGKILL')
  }
  expect((await finished(jobId)).counts).toMatchObject({ total: 60, done: 60, dead: 0 })
  expect((await world.chunks()).length).toBe(60)
  expect(new Set(await changesPerChunk())).toEqual(new Set([1]))
}, 60_000)

test('a worker told to end hands its work to another at once', async () => {
  await open()
  const leaving = await startWorkerProcess(60_000)
  const begun = says(leaving, 'begun')
  const { jobId } = await world.put({ a: 'one' })
  await begun
  leaving.kill('SIGTERM')
  const [code] = await once(leaving, 'exit')
  expect(code).toBe(0)
  const job = await world.catalog.jobs.get(world.tenant, String(jobId))
  expect(job?.counts).toMatchObject({ waiting: 1, dead: 0 })
  await startWorkerProcess(0)
  expect((await finished(jobId)).state).toBe('done')
}, 60_000)

test('a paused worker that wakes after its lease cannot write over newer text', async () => {
  await open()
  const sleeper = await startWorkerProcess(1_500)
  const begun = says(sleeper, 'begun')
  await world.put({ a: 'old' })
  await begun
  sleeper.kill('SIGSTOP')
  const { jobId } = await world.put({ a: 'new' })
  await startWorkerProcess(0)
  expect((await finished(jobId)).state).toBe('done')
  sleeper.kill('SIGCONT')
  await pause(2_500)
  expect(await world.chunks()).toEqual(['a#0 new'])
}, 60_000)
