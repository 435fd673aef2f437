import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Index } from '../../src/catalog/catalog.ts'
import type { Database } from '../../src/catalog/database.ts'
import { QuarryError } from '../../src/core/errors.ts'
import {
  type CollectionId,
  comparePositions,
  type DocumentId,
  FEED_START,
} from '../../src/core/model.ts'
import { type SharedApplier, startSharedApplier } from '../../src/ingest/apply/shared-applier.ts'
import { createLog } from '../../src/observe/log.ts'
import { openTestDatabase } from '../support/database.ts'
import { createTestCollection, createWorld, type World } from '../support/ingest-world.ts'
import { type MemoryIndex, openMemoryIndex } from '../support/memory-index.ts'

let database: Database
let world: World
let appliers: SharedApplier[] = []
let names = 0

beforeAll(async () => {
  database = await openTestDatabase()
  world = createWorld(database)
})
afterAll(() => database?.close())
afterEach(async () => {
  await Promise.all(appliers.map((applier) => applier.close()))
  appliers = []
})

/** Each test has a store of its own name, so that it sees its own indexes only. */
async function collectionOn(store: string): Promise<Index> {
  names += 1
  return await createTestCollection(world.catalog, `s${names}` as CollectionId, store)
}

async function start(store: string, engine: MemoryIndex, holder: string, leaseMs = 1_000) {
  const applier = await startSharedApplier({
    catalog: world.catalog,
    sharedStore: (name) => (name === store ? engine : null),
    holder,
    listen: (channel, onNotice) => database.listen(channel, onNotice),
    log: createLog({ level: 'silent' }),
    limits: { feedBatch: 7, feedPollMs: 20, applierLeaseMs: leaseMs },
  })
  appliers.push(applier)
  return applier
}

async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1_000; tries++) {
    if (await done()) return
    await pause(10)
  }
  throw new Error('waited 10 s in vain')
}

const texts = (engine: MemoryIndex, { index }: Index): string[] =>
  engine
    .rows(index)
    .map(({ text }) => text)
    .sort()

test('makes the index in the store, loads it and follows the feed', async () => {
  const index = await collectionOn('one')
  const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`d${i}`, `text ${i}`]))
  await world.put(many, { collection: index.collection })
  await world.ingest()
  const engine = openMemoryIndex('shared')
  await start('one', engine, 'p1')
  await until(() => texts(engine, index).length === 20)
  expect(engine.specs.get(index.index)).toEqual({ dense: index.spec.dense, lexical: null })
  await world.put({ d0: 'changed' }, { collection: index.collection })
  await world.ingest()
  await world.catalog.documents.remove(world.tenant, index.collection, 'd1' as DocumentId)
  await until(() => texts(engine, index).length === 19 && texts(engine, index).includes('changed'))
})

test('goes on from its cursor after a restart, without loading again', async () => {
  const index = await collectionOn('two')
  await world.put({ a: 'one' }, { collection: index.collection })
  await world.ingest()
  const engine = openMemoryIndex('shared')
  const first = await start('two', engine, 'p1')
  await until(async () => {
    const position = await world.catalog.feed.appliedPosition(index.index)
    return comparePositions(position, FEED_START) > 0 && engine.rows(index.index).length === 1
  })
  await first.close()
  await world.put({ b: 'two' }, { collection: index.collection })
  await world.ingest()
  const writes = engine.writes
  await start('two', engine, 'p1')
  await until(() => texts(engine, index).length === 2)
  expect(engine.writes).toBe(writes + 1)
})

test('an unfinished load begins again from an empty index, so that nothing deleted meanwhile stays', async () => {
  const index = await collectionOn('three')
  const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`d${i}`, `text ${i}`]))
  await world.put(many, { collection: index.collection })
  await world.ingest()
  const engine = openMemoryIndex('shared')
  engine.beforeWrite = () => {
    if (engine.writes >= 2) throw new QuarryError('unavailable', 'the store went away')
  }
  const first = await start('three', engine, 'p1')
  await until(() => engine.writes >= 2)
  await first.close()
  for (const { documentId } of engine.rows(index.index)) {
    await world.catalog.documents.remove(world.tenant, index.collection, documentId)
  }
  engine.beforeWrite = () => {}
  engine.writes = 0
  await start('three', engine, 'p1')
  const left = 20 - 14
  await until(async () => {
    const position = await world.catalog.feed.appliedPosition(index.index)
    return comparePositions(position, FEED_START) > 0 && texts(engine, index).length === left
  })
})

test('retries while the store is away and skips nothing', async () => {
  const index = await collectionOn('four')
  const engine = openMemoryIndex('shared')
  await start('four', engine, 'p1')
  await until(() => engine.specs.has(index.index))
  let away = 3
  engine.beforeWrite = () => {
    if (away-- > 0) throw new QuarryError('unavailable', 'the store is away')
  }
  await world.put({ a: 'one', b: 'two' }, { collection: index.collection })
  await world.ingest()
  await until(() => texts(engine, index).join() === 'one,two')
  expect(away).toBeLessThan(1)
})

test('one of two processes applies; the other takes over when it ends', async () => {
  const index = await collectionOn('five')
  const engines = [openMemoryIndex('shared'), openMemoryIndex('shared')] as const
  const first = await start('five', engines[0], 'p1', 600)
  await until(() => engines[0].specs.has(index.index))
  await until(
    async () =>
      comparePositions(await world.catalog.feed.appliedPosition(index.index), FEED_START) > 0,
  )
  await start('five', engines[1], 'p2', 600)
  await world.put({ a: 'one' }, { collection: index.collection })
  await world.ingest()
  await until(() => engines[0].rows(index.index).length === 1)
  expect(engines[1].writes).toBe(0)
  await first.close()
  await engines[1].createIndex(index, index.spec, AbortSignal.timeout(1_000))
  await world.put({ b: 'two' }, { collection: index.collection })
  await world.ingest()
  await until(() => engines[1].rows(index.index).length === 1)
  expect(texts(engines[1], index)).toEqual(['two'])
})

test('drops the index of a removed collection from the store', async () => {
  const index = await collectionOn('six')
  const engine = openMemoryIndex('shared')
  await start('six', engine, 'p1')
  await until(() => engine.specs.has(index.index))
  await world.catalog.collections.remove(index.collection)
  await until(() => !engine.specs.has(index.index))
})
