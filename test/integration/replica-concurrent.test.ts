import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Database } from '../../src/catalog/database.ts'
import type { DocumentId } from '../../src/core/model.ts'
import { startReplica } from '../../src/ingest/apply/replica.ts'
import { createLog } from '../../src/observe/log.ts'
import { openTestDatabase } from '../support/database.ts'
import { createTestCollection, createWorld, type World } from '../support/ingest-world.ts'
import { openMemoryIndex, plain } from '../support/memory-index.ts'
import { seededRandom } from '../support/random.ts'

let database: Database
let world: World

beforeAll(async () => {
  database = await openTestDatabase('postgres')
  world = createWorld(database)
})
afterAll(() => database?.close())

/** Sequence numbers commit out of order here, and replicas start in the middle of it. */
test('replicas that start among concurrent writers all equal the catalog in the end', async () => {
  const index = await createTestCollection(world.catalog, world.collection)
  const random = seededRandom(7)
  const write = async (): Promise<void> => {
    for (let i = 0; i < 25; i++) {
      const id = `d${Math.floor(random() * 8)}`
      if (random() < 0.25) {
        await world.catalog.documents.remove(world.tenant, world.collection, id as DocumentId)
      } else {
        const parts = Array.from({ length: Math.floor(random() * 4) }, () => `text ${random()}`)
        await world.put({ [id]: parts.join('\n\n') })
      }
      if (random() < 0.6) await world.ingest()
    }
  }
  const engines = [openMemoryIndex('process'), openMemoryIndex('process')]
  const replicas = []
  const writers = [write(), write(), write(), write()]
  for (const engine of engines) {
    const replica = await startReplica({
      catalog: world.catalog,
      engine,
      localStore: 'local',
      listen: (channel, onNotice) => database.listen(channel, onNotice),
      log: createLog({ level: 'silent' }),
      metrics: { replicaLag: () => {} },
      limits: { feedBatch: 5, feedPollMs: 10 },
    })
    replicas.push(replica)
    await replica.ready
  }
  await Promise.all(writers)
  while ((await world.ingest()).length > 0);
  const { chunking, id } = index.space
  const truth = await world.catalog.feed.scan(world.collection, chunking, id, null, 500)
  const sorted = (rows: readonly ReturnType<typeof plain>[]) =>
    [...rows].sort((a, b) => a.id.localeCompare(b.id))
  for (const [at, engine] of engines.entries()) {
    await replicas[at]?.refresh(AbortSignal.timeout(10_000))
    expect(sorted(engine.rows(index.index).map(plain))).toEqual(sorted(truth.map(plain)))
    await replicas[at]?.close()
  }
  expect(truth.length).toBeGreaterThan(0)
}, 60_000)
