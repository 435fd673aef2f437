import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Job } from '../../src/catalog/catalog.ts'
import type { Database } from '../../src/catalog/database.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import type { DocumentId } from '../../src/core/model.ts'
import { type DeliveryQueue, openQueue } from '../../src/jobs/open-queue.ts'
import { type Relay, startRelay } from '../../src/jobs/relay.ts'
import { startWorker, type Worker } from '../../src/jobs/worker.ts'
import { createLog } from '../../src/observe/log.ts'
import { openTestDatabase } from '../support/database.ts'
import { createTestCollection, createWorld, type World } from '../support/ingest-world.ts'

const log = createLog({ level: 'silent' })
let database: Database
let world: World
let queue: DeliveryQueue
let relay: Relay
let worker: Worker | undefined

beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database?.close())
beforeEach(async () => {
  world = createWorld(database)
  await createTestCollection(world.catalog, world.collection)
  const name = `of-${world.tenant}`
  queue = await openQueue({
    backend: { kind: 'postgres', pool: database.pool },
    log,
    limits: DEFAULT_LIMITS,
    name,
  })
  relay = await startRelay({
    work: world.catalog.work,
    queue,
    listen: (channel, onNotice) => database.listen(channel, onNotice),
    log,
    limits: { jobItems: 4, jobWaiting: 3, jobPollMs: 50, jobLockMs: 2_000 },
  })
})
afterEach(async () => {
  await relay?.close()
  await worker?.close({ drainMs: 0 })
  worker = undefined
  await queue?.close()
})

async function work(jobAttempts = 3): Promise<void> {
  worker = await startWorker({
    ...world.deps,
    catalog: world.catalog,
    queue,
    onDelivered: () => relay.notifyWrite(),
    log,
    limits: {
      ...world.deps.limits,
      jobConcurrency: 2,
      jobLockMs: 2_000,
      jobAttempts,
      jobBackoffMs: 20,
    },
  })
}

async function until<T>(look: () => Promise<T | null>): Promise<T> {
  for (let tries = 0; tries < 1_000; tries++) {
    const found = await look()
    if (found !== null) return found
    await pause(10)
  }
  throw new Error('waited 10 s in vain')
}

const jobOf = async (id: string | null): Promise<Job> => {
  const job = await world.catalog.jobs.get(world.tenant, String(id))
  if (job === null) throw new Error(`no job ${id}`)
  return job
}
const finished = (id: string | null): Promise<Job> =>
  until(async () => {
    const job = await jobOf(id)
    return job.finishedAt === null ? null : job
  })

describe('a job', () => {
  test('brings all its documents into the catalog, in more deliveries than may wait at once', async () => {
    await work()
    const texts = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`d${i}`, `text ${i}`]))
    const { jobId } = await world.put(texts)
    relay.notifyWrite()
    const job = await finished(jobId)
    expect(job.state).toBe('done')
    expect(job.counts).toEqual({ total: 30, done: 30, dead: 0, cancelled: 0, waiting: 0 })
    expect((await world.chunks()).length).toBe(30)
    expect(world.embedder.texts.length).toBe(30)
  })

  test('starts without a nudge, by the database notice or the poll', async () => {
    await work()
    const { jobId } = await world.put({ a: 'one' })
    expect((await finished(jobId)).state).toBe('done')
  })

  test('written before any worker ran is done when one comes', async () => {
    const { jobId } = await world.put({ a: 'one' })
    await until(async () => ((await queue.waiting()) === 1 ? true : null))
    await work()
    expect((await finished(jobId)).state).toBe('done')
  })
})

describe('a document that cannot be read', () => {
  test('is a dead letter with its reason at once, and is done when it is mended and retried', async () => {
    await work()
    let spoiled = true
    world.embedder.before = () => {
      if (spoiled) throw new QuarryError('invalid_request', 'the model refused the text')
    }
    const { jobId } = await world.put({ a: 'one' })
    const dead = await finished(jobId)
    expect(dead.state).toBe('failed')
    expect(dead.failures).toEqual([{ document: 'a', reason: 'the model refused the text' }])
    expect(world.embedder.calls).toBe(1)
    const row = await world.catalog.documents.get(world.tenant, world.collection, 'a' as DocumentId)
    expect(row).toMatchObject({ state: 'failed', reason: 'the model refused the text' })
    spoiled = false
    await world.catalog.jobs.retry(world.tenant, String(jobId))
    relay.notifyWrite()
    const again = await until(async () => {
      const job = await jobOf(jobId)
      return job.state === 'done' ? job : null
    })
    expect(again.failures).toEqual([])
    expect(await world.chunks()).toEqual(['a#0 one'])
  })

  test('alone is buried, its neighbours are done', async () => {
    await work()
    const { jobId } = await world.put({ a: 'one', b: 'unreadable', c: 'three' })
    const job = await finished(jobId)
    expect(job.counts).toMatchObject({ done: 2, dead: 1 })
    expect(job.failures).toEqual([{ document: 'b', reason: 'The document is unreadable.' }])
  })
})

test('a document whose workers die each time is given up in the end', async () => {
  await relay.close()
  const { jobId } = await world.put({ a: 'one' })
  const [claimed] = await world.catalog.work.claim(1, 10, 100)
  for (let deaths = 0; deaths < 60; deaths++) await world.catalog.work.load(claimed?.items ?? [])
  await work(3)
  await queue.add(claimed === undefined ? [] : [claimed])
  const job = await finished(jobId)
  expect(job.failures[0]?.reason).toContain('61 tries ended without an answer')
  expect(world.embedder.calls).toBe(0)
})

describe('a model in trouble', () => {
  test('is tried again after a pause until it answers', async () => {
    await work(5)
    let storms = 3
    world.embedder.before = () => {
      if (storms-- > 0) throw new QuarryError('rate_limited', 'too many requests')
    }
    const { jobId } = await world.put({ a: 'one' })
    expect((await finished(jobId)).state).toBe('done')
    expect(world.embedder.calls).toBe(4)
  })

  test('is not called again before the time it asked for', async () => {
    await work()
    const calls: number[] = []
    world.embedder.before = () => {
      calls.push(performance.now())
      const details = { retryAfterMs: 700 }
      if (calls.length === 1) throw new QuarryError('rate_limited', 'not now', { details })
    }
    const { jobId } = await world.put({ a: 'one' })
    await finished(jobId)
    const [first = 0, second = 0] = calls
    expect(second - first).toBeGreaterThanOrEqual(690)
  })

  test('fails the documents for good after the last attempt, saying why', async () => {
    await work(2)
    world.embedder.before = () => {
      throw new QuarryError('upstream_failed', 'the model answered 500')
    }
    const { jobId } = await world.put({ a: 'one' })
    const job = await finished(jobId)
    expect(job.failures).toEqual([{ document: 'a', reason: 'the model answered 500' }])
    expect(world.embedder.calls).toBe(2)
  })

  test('and a bug of ours are told apart: its text is not shown', async () => {
    await work(1)
    world.embedder.before = () => {
      throw new TypeError('secret of acme is not a function')
    }
    const { jobId } = await world.put({ a: 'one' })
    const [failure] = (await finished(jobId)).failures
    expect(failure?.reason).toContain('TypeError')
    expect(failure?.reason).not.toContain('secret')
  })
})

describe('what comes between', () => {
  test('a cancelled job leaves its document as it was last indexed', async () => {
    const first = await world.put({ a: 'first' })
    await work()
    await finished(first.jobId)
    await worker?.close({ drainMs: 5_000 })
    const { jobId } = await world.put({ a: 'second' })
    await until(async () => ((await queue.waiting()) > 0 ? true : null))
    await world.catalog.jobs.cancel(world.tenant, String(jobId))
    await work()
    expect((await finished(jobId)).state).toBe('cancelled')
    await until(async () => ((await queue.waiting()) === 0 ? true : null))
    expect(await world.chunks()).toEqual(['a#0 first'])
  })

  test('a removed collection ends its jobs without noise', async () => {
    await world.put({ a: 'one' })
    await until(async () => ((await queue.waiting()) > 0 ? true : null))
    await world.catalog.collections.remove(world.collection)
    await work()
    await until(async () => ((await queue.waiting()) === 0 ? true : null))
    expect(world.embedder.calls).toBe(0)
  })
})

describe('a worker that stops', () => {
  test('finishes what is under way when there is time', async () => {
    await work()
    let begun = false
    world.embedder.before = async () => {
      begun = true
      await pause(200)
    }
    const { jobId } = await world.put({ a: 'one' })
    await until(async () => (begun ? true : null))
    await worker?.close({ drainMs: 5_000 })
    expect((await jobOf(jobId)).state).toBe('done')
  })

  test('hands back what it cannot finish, for the next worker to do at once', async () => {
    await work()
    let begun = false
    world.embedder.before = (_texts, signal) => {
      begun = true
      return new Promise<void>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
    }
    const { jobId } = await world.put({ a: 'one' })
    await until(async () => (begun ? true : null))
    await worker?.close({ drainMs: 50 })
    expect((await jobOf(jobId)).counts).toMatchObject({ waiting: 1, dead: 0 })
    world.embedder.before = () => {}
    await work()
    expect((await finished(jobId)).state).toBe('done')
  })
})

test('the outbox gives back what a queue has lost', async () => {
  const { work: outbox } = world.catalog
  await relay.close()
  const { jobId } = await world.put({ a: 'one' })
  const lost = await outbox.claim(1, 10, 200)
  expect(lost.length).toBe(1)
  relay = await startRelay({
    work: outbox,
    queue,
    listen: async () => async () => {},
    log,
    limits: { jobItems: 4, jobWaiting: 3, jobPollMs: 50, jobLockMs: 2_000 },
  })
  await work()
  expect((await finished(jobId)).state).toBe('done')
})

test('a queue that refuses deliveries delays them, and the outbox keeps them', async () => {
  await relay.close()
  let refusals = 2
  relay = await startRelay({
    work: world.catalog.work,
    queue: {
      waiting: () => queue.waiting(),
      add: async (deliveries) => {
        if (refusals-- > 0) throw new QuarryError('unavailable', 'the queue is away')
        await queue.add(deliveries)
      },
    },
    listen: async () => async () => {},
    log,
    limits: { jobItems: 4, jobWaiting: 3, jobPollMs: 20, jobLockMs: 60_000 },
  })
  await work()
  const { jobId } = await world.put({ a: 'one' })
  expect((await finished(jobId)).state).toBe('done')
  expect(refusals).toBeLessThan(1)
})
