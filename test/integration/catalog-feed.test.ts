import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { comparePositions, FEED_START, type IndexId } from '../../src/core/model.ts'
import {
  ACME,
  BETA,
  type CatalogWorld,
  CHUNKING,
  DOCS,
  documentId,
  newDocument,
  openCatalogWorld,
  targetOf,
} from '../support/catalog-world.ts'

describe.each(['pglite', 'postgres'] as const)('the change feed on %s', (kind) => {
  let world: CatalogWorld
  beforeAll(async () => {
    world = await openCatalogWorld(kind)
  })
  beforeEach(() => world.reset())
  afterAll(() => world.close())

  const settled = (version: bigint) => world.catalog.feed.settled(ACME, DOCS, version)

  test('is read in order, in pages, from any position', async () => {
    await world.index(await world.queue(ACME, newDocument('a', '1')), ['p', 'q'])
    await world.index(await world.queue(BETA, newDocument('a', '1')), ['p'])
    const all = await world.catalog.feed.read(FEED_START, 10)
    expect(all.map((change) => change.tenant)).toEqual([ACME, ACME, BETA])
    let position = FEED_START
    for (const change of all) {
      expect(comparePositions(change.position, position)).toBe(1)
      expect(await world.catalog.feed.read(position, 1)).toEqual([change])
      position = change.position
    }
    expect(await world.catalog.feed.read(position, 10)).toEqual([])
  })

  test('a reader that starts at the horizon and then scans misses nothing', async () => {
    await world.index(await world.queue(ACME, newDocument('a', '1')), ['p'])
    const horizon = await world.catalog.feed.horizon()
    expect(await world.catalog.feed.read(horizon, 10)).toEqual([])
    await world.index(await world.queue(ACME, newDocument('b', '1')), ['q'])
    expect(await world.catalog.feed.read(horizon, 10)).toHaveLength(1)
  })

  test('a scan gives every chunk with its vector once, by tenant and id', async () => {
    await world.index(await world.queue(ACME, newDocument('a', '1')), ['p', 'q', 'r'])
    await world.index(await world.queue(BETA, newDocument('a', '1')), ['p', 'longer'])
    const { space } = targetOf(world.docs)
    const seen = []
    let after: Parameters<typeof world.catalog.feed.scan>[3] = null
    for (;;) {
      const page = await world.catalog.feed.scan(DOCS, CHUNKING, space, after, 2)
      const last = page.at(-1)
      if (last === undefined) break
      seen.push(...page)
      after = { tenant: last.tenant, chunk: last.id }
    }
    expect(seen.map((chunk) => chunk.tenant)).toEqual([ACME, ACME, ACME, BETA, BETA])
    expect(new Set(seen.map((chunk) => `${chunk.tenant} ${chunk.id}`)).size).toBe(5)
    for (const chunk of seen) expect(chunk.vector).toEqual(Float32Array.of(chunk.text.length, 0.5))
    const ids = seen.map((chunk) => chunk.id)
    const loaded = await world.catalog.feed.loadChunks(BETA, DOCS, CHUNKING, space, ids)
    expect(new Set(loaded)).toEqual(new Set(seen.filter((chunk) => chunk.tenant === BETA)))
  })

  test('a write is settled when it and all before it are', async () => {
    const first = await world.queue(ACME, newDocument('a', '1'))
    const second = await world.queue(ACME, newDocument('b', '1'))
    expect(await settled(0n)).toEqual({ settled: true, position: FEED_START })
    await world.index(second, ['q'])
    expect(await settled(second.id)).toMatchObject({ settled: false })
    await world.index(first, ['p'])
    const { position } = await settled(second.id)
    expect(await settled(second.id)).toMatchObject({ settled: true })
    const changes = await world.catalog.feed.read(FEED_START, 10)
    expect(changes.at(-1)?.position).toEqual(position)
  })

  test('an overtaken write is settled only when the write that overtook it is', async () => {
    const first = await world.queue(ACME, newDocument('a', '1'))
    await world.queue(ACME, newDocument('a', '2'))
    const third = await world.queue(ACME, newDocument('a', '3'))
    expect(await settled(first.id)).toMatchObject({ settled: false })
    await world.index(third, ['3'])
    expect(await settled(first.id)).toMatchObject({ settled: true })
  })

  test("nobody else's work holds a tenant's writes up, and a delete is settled at once", async () => {
    await world.queue(BETA, newDocument('a', '1'))
    const item = await world.queue(ACME, newDocument('a', '1'))
    const { version } = await world.catalog.documents.remove(ACME, DOCS, documentId('a'))
    expect(version > item.id).toBe(true)
    expect(await settled(version)).toMatchObject({ settled: true })
  })

  test('the cursor of a shared store moves forward only, and only for the holder of the lease', async () => {
    const { feed } = world.catalog
    const [index] = await world.catalog.collections.indexes()
    const id = index?.index ?? ('' as IndexId)
    const at = (xid: bigint, seq: bigint) => ({ xid, seq })
    expect(await feed.appliedPosition(id)).toEqual(FEED_START)
    expect(await feed.advance(id, at(5n, 1n), 'me')).toBe(false)
    expect(await feed.lease(id, 'me', 60_000)).toBe(true)
    expect(await feed.lease(id, 'other', 60_000)).toBe(false)
    expect(await feed.advance(id, at(9n, 7n), 'me')).toBe(true)
    expect(await feed.advance(id, at(10n, 1n), 'me')).toBe(true)
    expect(await feed.advance(id, at(9n, 8n), 'me')).toBe(false)
    expect(await feed.advance(id, at(11n, 1n), 'other')).toBe(false)
    expect(await feed.appliedPosition(id)).toEqual(at(10n, 1n))
    expect(await feed.lease(id, 'me', 0)).toBe(true)
    expect(await feed.advance(id, at(12n, 1n), 'me')).toBe(false)
    expect(await feed.lease(id, 'other', 60_000)).toBe(true)
    await expect(feed.appliedPosition('none' as IndexId)).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  test('a commit and a put say so on their channels', async () => {
    const heard: string[] = []
    let tell = () => {}
    const both = new Promise<void>((resolve) => {
      tell = () => {
        if (heard.includes('work') && heard.includes('changes')) resolve()
      }
    })
    const stops = await Promise.all(
      ['work', 'changes'].map((name) =>
        world.database.listen(`quarry_${name}`, () => {
          heard.push(name)
          tell()
        }),
      ),
    )
    await world.index(await world.queue(ACME, newDocument('a', '1')), ['p'])
    await both
    for (const stop of stops) await stop()
    expect(heard).toEqual(expect.arrayContaining(['work', 'changes']))
  })
})
