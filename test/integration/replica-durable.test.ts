import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  INDEX_MANIFEST,
  indexFolder,
  shardFolder,
} from '../../adapters/stores/local/engine/paths.ts'
import { openLocalEngine } from '../../adapters/stores/local/open-local-engine.ts'
import type { Database } from '../../src/catalog/database.ts'
import type { CollectionId, DocumentId, Scope } from '../../src/core/model.ts'
import type { ReplicaEngine } from '../../src/core/replica-engine.ts'
import { type Replica, startReplica } from '../../src/ingest/apply/replica.ts'
import { createLog } from '../../src/observe/log.ts'
import { listAll } from '../conformance/fixture.ts'
import { openTestDatabase } from '../support/database.ts'
import { createTestCollection, createWorld, type World } from '../support/ingest-world.ts'

let database: Database
let world: World
let folder: string
let names = 0

beforeAll(async () => {
  database = await openTestDatabase()
  world = createWorld(database)
})
afterAll(() => database?.close())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-durable-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const soon = (): AbortSignal => AbortSignal.timeout(20_000)

interface Running {
  readonly engine: ReplicaEngine
  readonly replica: Replica
  /** Chunks that were read from the catalog, by how they were asked for. */
  readonly read: { scanned: number; changed: number }
  close(): Promise<void>
}

async function start(): Promise<Running> {
  const engine = await openLocalEngine({ folder })
  const read = { scanned: 0, changed: 0 }
  const { feed, collections } = world.catalog
  const replica = await startReplica({
    catalog: {
      collections,
      feed: {
        horizon: () => feed.horizon(),
        read: (...given) => feed.read(...given),
        async loadChunks(...given) {
          const chunks = await feed.loadChunks(...given)
          read.changed += chunks.length
          return chunks
        },
        async scan(...given) {
          const chunks = await feed.scan(...given)
          read.scanned += chunks.length
          return chunks
        },
      },
    },
    engine,
    localStore: 'local',
    listen: (channel, onNotice) => database.listen(channel, onNotice),
    log: createLog({ level: 'silent' }),
    metrics: { replicaLag: () => {} },
    limits: { feedBatch: 50, feedPollMs: 20 },
  })
  await replica.ready
  return {
    engine,
    replica,
    read,
    async close() {
      await replica.close()
      await engine.close()
    },
  }
}

async function write(collection: CollectionId, texts: Record<string, string>): Promise<void> {
  await world.put(texts, { collection })
  await world.ingest()
}

async function prepared(): Promise<{ collection: CollectionId; scope: Scope }> {
  names += 1
  const collection = `durable${names}` as CollectionId
  const { index } = await createTestCollection(world.catalog, collection)
  const texts = Array.from({ length: 30 }, (_, i) => [`d${i}`, `text number ${i}`])
  await write(collection, Object.fromEntries(texts))
  return { collection, scope: { tenant: world.tenant, collection, index } }
}

test('goes on from its files after a restart, and reads only what it missed', async () => {
  const { collection, scope } = await prepared()
  const first = await start()
  expect(first.read.scanned).toBeGreaterThanOrEqual(30)
  await first.close()
  await write(collection, { d1: 'changed', new: 'one more' })
  await world.catalog.documents.remove(world.tenant, collection, 'd2' as DocumentId)
  const second = await start()
  expect(second.read).toEqual({ scanned: 0, changed: 2 })
  expect(await listAll(second.engine, scope)).toHaveLength(30)
  const query = { text: 'changed', k: 5 }
  const { candidates } = await second.engine.searchLexical(scope, query, soon())
  const found = await second.engine.readChunks(
    scope,
    candidates.map(({ id }) => id),
    soon(),
  )
  expect([...found.values()].map(({ documentId }) => documentId)).toEqual(['d1'])
  await second.close()
})

/** The file under `part` whose name ends so; the catalog has the other tests' collections too. */
async function fileIn(part: string, ending: string): Promise<string> {
  const files = await readdir(folder, { recursive: true })
  const found = files.find((name) => name.includes(part) && name.endsWith(ending))
  return join(folder, found ?? '')
}

/** As a program with an analyzer of the revision before would have left it. */
async function makeOlder(path: string): Promise<void> {
  const [, json = ''] = (await readFile(path, 'utf8')).split('\n')
  const manifest = JSON.parse(json)
  const older = JSON.stringify({ ...manifest, terms: manifest.terms.replace(/\d+$/, '0') })
  const crc = crc32(`1\n${older}`).toString(16).padStart(8, '0')
  await writeFile(path, `quarry-manifest 1 ${crc}\n${older}\n`)
}

test('loads an index again whose terms an older analyzer made, before it is ready', async () => {
  const { scope } = await prepared()
  const first = await start()
  await first.close()
  await makeOlder(await fileIn(indexFolder('', scope), `/${INDEX_MANIFEST}`))
  const second = await start()
  const { candidates } = await second.engine.searchLexical(scope, { text: 'text', k: 50 }, soon())
  expect(candidates).toHaveLength(30)
  expect(second.read.scanned).toBe(30)
  await second.close()
})

test('loads a tenant again whose file was damaged, and answers nothing of it until then', async () => {
  const { scope } = await prepared()
  const first = await start()
  await first.close()
  const shard = shardFolder(indexFolder('', scope), scope.tenant)
  await writeFile(await fileIn(shard, '.seg'), 'not what was written')
  const second = await start()
  const query = { text: 'text', k: 50 }
  const asked = await second.engine.searchLexical(scope, query, soon()).catch((error) => error)
  expect(asked).toMatchObject({ code: 'unavailable' })
  expect(await second.replica.refresh(soon())).toBe(true)
  const { candidates } = await second.engine.searchLexical(scope, query, soon())
  expect(candidates).toHaveLength(30)
  expect(second.read.scanned).toBe(30)
  await second.close()
})

test('drops what the catalog no longer names while nobody looked', async () => {
  const { collection } = await prepared()
  const first = await start()
  const kept = first.engine.indexes().length
  await first.close()
  await world.catalog.collections.remove(collection)
  const second = await start()
  expect(second.engine.indexes()).toHaveLength(kept - 1)
  await second.close()
})
