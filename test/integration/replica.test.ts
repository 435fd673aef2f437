import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Index } from '../../src/catalog/catalog.ts'
import type { LoadedChunk } from '../../src/catalog/change-feed.ts'
import type { Database } from '../../src/catalog/database.ts'
import {
  type ChunkId,
  type CollectionId,
  type DocumentId,
  FEED_START,
  type TenantId,
} from '../../src/core/model.ts'
import { applyPlan } from '../../src/ingest/apply/apply-plan.ts'
import { planChanges } from '../../src/ingest/apply/plan.ts'
import { type Replica, startReplica } from '../../src/ingest/apply/replica.ts'
import { waitVersion } from '../../src/ingest/apply/wait-version.ts'
import { createLog } from '../../src/observe/log.ts'
import { openTestDatabase } from '../support/database.ts'
import {
  createTestCollection,
  createWorld,
  type PutOptions,
  type World,
} from '../support/ingest-world.ts'
import { type MemoryIndex, openMemoryIndex, plain } from '../support/memory-index.ts'

let database: Database
let world: World
let replica: Replica | undefined
let names = 0

beforeAll(async () => {
  database = await openTestDatabase()
  world = createWorld(database)
})
afterAll(() => database?.close())
afterEach(async () => {
  await replica?.close()
  replica = undefined
})

const soon = (): AbortSignal => AbortSignal.timeout(10_000)
const nextCollection = (): CollectionId => {
  names += 1
  return `c${names}` as CollectionId
}

async function start(engine: MemoryIndex, localStore = 'local'): Promise<Replica> {
  replica = await startReplica({
    catalog: world.catalog,
    engine,
    localStore,
    listen: (channel, onNotice) => database.listen(channel, onNotice),
    log: createLog({ level: 'silent' }),
    metrics: { replicaLag: () => {} },
    limits: { feedBatch: 7, feedPollMs: 20 },
  })
  return replica
}

async function write(texts: Record<string, string>, options: PutOptions): Promise<bigint> {
  const { receipts } = await world.put(texts, options)
  await world.ingest()
  return receipts.at(-1)?.version ?? 0n
}

/** Both sides in one order, vectors left to their own comparison. */
async function compare(engine: MemoryIndex, index: Index): Promise<void> {
  const truth: LoadedChunk[] = []
  let after: { tenant: TenantId; chunk: ChunkId } | null = null
  for (;;) {
    const page: readonly LoadedChunk[] = await world.catalog.feed.scan(
      index.collection,
      index.space.chunking,
      index.space.id,
      after,
      100,
    )
    truth.push(...page)
    const last = page.at(-1)
    if (last === undefined || page.length < 100) break
    after = { tenant: last.tenant, chunk: last.id }
  }
  const sorted = (rows: readonly ReturnType<typeof plain>[]) =>
    [...rows].sort((a, b) => `${a.tenant}/${a.id}`.localeCompare(`${b.tenant}/${b.id}`))
  const rows = engine.rows(index.index)
  expect(sorted(rows.map(plain))).toEqual(sorted(truth.map(plain)))
}

async function level(): Promise<void> {
  expect(await replica?.refresh(soon())).toBe(true)
}

test('loads what was there before it and follows what comes after', async () => {
  const collection = nextCollection()
  const index = await createTestCollection(world.catalog, collection)
  const twenty = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`d${i}`, `text ${i}`]))
  await write(twenty, { collection })
  const engine = openMemoryIndex('process')
  const { ready } = await start(engine)
  await ready
  expect(engine.rows(index.index).length).toBe(20)
  await write({ d0: 'changed', new: 'a\n\nb' }, { collection })
  await world.catalog.documents.remove(world.tenant, collection, 'd1' as DocumentId)
  await level()
  expect(engine.rows(index.index).length).toBe(21)
  await compare(engine, index)
})

test('takes up a collection made while it runs, with what was written before it looked', async () => {
  const engine = openMemoryIndex('process')
  await (await start(engine)).ready
  const collection = nextCollection()
  const index = await createTestCollection(world.catalog, collection)
  await level()
  expect(engine.specs.get(index.index)).toEqual(index.spec)
  await write({ a: 'one' }, { collection })
  await level()
  await compare(engine, index)
})

test('drops a collection, and starts afresh with one of the same name', async () => {
  const collection = nextCollection()
  const first = await createTestCollection(world.catalog, collection)
  await write({ a: 'one' }, { collection })
  const engine = openMemoryIndex('process')
  await (await start(engine)).ready
  await world.catalog.collections.remove(collection)
  const second = await createTestCollection(world.catalog, collection)
  await write({ b: 'two' }, { collection })
  await level()
  await compare(engine, second)
  if (first.index !== second.index) expect(engine.specs.has(first.index)).toBe(false)
})

test('forgets a removed tenant and keeps the others', async () => {
  const collection = nextCollection()
  const index = await createTestCollection(world.catalog, collection)
  const other = `gone${names}` as TenantId
  await write({ a: 'one' }, { collection, tenant: other })
  await write({ a: 'one' }, { collection })
  const engine = openMemoryIndex('process')
  await (await start(engine)).ready
  await world.catalog.tenants.remove(other)
  await level()
  expect(engine.rows(index.index).map(({ tenant }) => tenant)).toEqual([world.tenant])
})

test('holds only the lexical part of an index whose vectors live elsewhere', async () => {
  const collection = nextCollection()
  const index = await createTestCollection(world.catalog, collection, 'remote')
  await write({ a: 'one' }, { collection })
  const engine = openMemoryIndex('process')
  await (await start(engine)).ready
  expect(engine.specs.get(index.index)).toEqual({ dense: null, lexical: index.spec.lexical })
  expect(engine.rows(index.index).map(({ vector }) => vector)).toEqual([null])
})

test('an index that fails is loaded anew while the others go on', async () => {
  const bad = await createTestCollection(world.catalog, nextCollection())
  const good = await createTestCollection(world.catalog, nextCollection())
  await write({ kept: 'before' }, { collection: bad.collection })
  const engine = openMemoryIndex('process')
  const { ready } = await start(engine)
  await ready
  let broken = true
  engine.beforeWrite = (index) => {
    if (broken && index === bad.index) throw new Error('the segment cannot be written')
  }
  await write({ a: 'one' }, { collection: bad.collection })
  const version = await write({ a: 'one' }, { collection: good.collection })
  const deps = { catalog: world.catalog, isShared: () => false }
  const wait = (index: Index, signal: AbortSignal): Promise<boolean> =>
    replica === undefined
      ? Promise.resolve(false)
      : waitVersion(world.tenant, index.collection, version, { ...deps, replica }, signal)
  expect(await wait(good, soon())).toBe(true)
  expect(await wait(bad, AbortSignal.timeout(200))).toBe(false)
  broken = false
  expect(await wait(bad, soon())).toBe(true)
  await compare(engine, bad)
  await compare(engine, good)
})

test('trouble with the catalog delays the replica and loses nothing', async () => {
  const collection = nextCollection()
  const index = await createTestCollection(world.catalog, collection)
  const engine = openMemoryIndex('process')
  let faults = 3
  const { feed } = world.catalog
  replica = await startReplica({
    catalog: {
      collections: world.catalog.collections,
      feed: {
        ...feed,
        read: async (after, count) => {
          if (faults-- > 0) throw new Error('the connection was lost')
          return await feed.read(after, count)
        },
      },
    },
    engine,
    localStore: 'local',
    listen: async () => async () => {},
    log: createLog({ level: 'silent' }),
    metrics: { replicaLag: () => {} },
    limits: { feedBatch: 7, feedPollMs: 10 },
  })
  await write({ a: 'one' }, { collection })
  await replica.ready
  await level()
  await compare(engine, index)
})

describe('waiting for a version', () => {
  test('ends when the write is searchable, and not before it is settled', async () => {
    const collection = nextCollection()
    const index = await createTestCollection(world.catalog, collection)
    const engine = openMemoryIndex('process')
    const running = await start(engine)
    await running.ready
    const { receipts } = await world.put({ a: 'one' }, { collection })
    const version = receipts[0]?.version ?? 0n
    const deps = { catalog: world.catalog, replica: running, isShared: () => false }
    const early = AbortSignal.timeout(150)
    expect(await waitVersion(world.tenant, collection, version, deps, early)).toBe(false)
    const waiting = waitVersion(world.tenant, collection, version, deps, soon())
    await world.ingest()
    expect(await waiting).toBe(true)
    expect(engine.rows(index.index).length).toBe(1)
  })

  test('ends for a document that failed: no retry of ours will make it searchable', async () => {
    const collection = nextCollection()
    await createTestCollection(world.catalog, collection)
    const running = await start(openMemoryIndex('process'))
    const { receipts } = await world.put({ a: 'unreadable' }, { collection })
    for (const { item } of await world.ingest()) await world.catalog.work.bury(item, 'unreadable')
    const deps = { catalog: world.catalog, replica: running, isShared: () => false }
    const version = receipts[0]?.version ?? 0n
    expect(await waitVersion(world.tenant, collection, version, deps, soon())).toBe(true)
  })
})

type Step =
  | { readonly kind: 'put'; readonly tenant: number; readonly id: number; readonly parts: number }
  | { readonly kind: 'remove'; readonly tenant: number; readonly id: number }
  | { readonly kind: 'remove_tenant'; readonly tenant: number }
  | { readonly kind: 'remove_collection' | 'ingest' | 'restart' | 'fault' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      tenant: fc.nat(2),
      id: fc.nat(4),
      parts: fc.nat(5),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('remove' as const),
      tenant: fc.nat(2),
      id: fc.nat(4),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('remove_tenant' as const), tenant: fc.nat(2) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('remove_collection' as const, 'restart' as const, 'fault' as const),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('ingest' as const) }) },
)

test('equals the catalog after any sequence of writes, and replaying the feed twice changes nothing', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      const collection = nextCollection()
      await createTestCollection(world.catalog, collection)
      let engine = openMemoryIndex('process')
      await start(engine)
      let salt = 0
      for (const one of steps) {
        salt += 1
        const tenant = `t${'tenant' in one ? one.tenant : 0}` as TenantId
        if (one.kind === 'put') {
          const parts = Array.from(
            { length: one.parts },
            (_, i) => `part ${i} ${i % 2 ? salt : ''}`,
          )
          await world.put({ [`d${one.id}`]: parts.join('\n\n') }, { collection, tenant })
        } else if (one.kind === 'remove') {
          await world.catalog.documents.remove(tenant, collection, `d${one.id}` as DocumentId)
        } else if (one.kind === 'remove_tenant') {
          await world.catalog.tenants.remove(tenant)
        } else if (one.kind === 'remove_collection') {
          await world.catalog.collections.remove(collection)
          await createTestCollection(world.catalog, collection)
        } else if (one.kind === 'ingest') {
          await world.ingest()
        } else if (one.kind === 'fault') {
          engine.beforeWrite = () => {
            engine.beforeWrite = () => {}
            throw new Error('once')
          }
        } else {
          await replica?.close()
          engine = openMemoryIndex('process')
          await start(engine)
        }
      }
      await world.ingest()
      const index = (await world.catalog.collections.get(collection))?.serving
      if (index === undefined) throw new Error('the collection is gone')
      const tries = soon()
      do await level()
      while (replica?.whole(collection) === false && !tries.aborted)
      await compare(engine, index)
      await replayTwice(engine, index)
      await compare(engine, index)
      await replica?.close()
      replica = undefined
    }),
    { numRuns: 15 },
  )
}, 120_000)

async function replayTwice(engine: MemoryIndex, index: Index): Promise<void> {
  const target = { index, spec: index.spec, writer: engine, feed: world.catalog.feed }
  for (let round = 0; round < 2; round++) {
    let position = FEED_START
    for (;;) {
      const changes = await world.catalog.feed.read(position, 50)
      const last = changes.at(-1)
      if (last === undefined) break
      const plan = planChanges(changes).get(index.collection)
      if (plan !== undefined) await applyPlan(plan, target, soon())
      position = last.position
    }
  }
}
