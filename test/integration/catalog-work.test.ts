import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { FEED_START, type TenantId } from '../../src/core/model.ts'
import {
  ACME,
  BETA,
  type CatalogWorld,
  CHUNKING,
  chunks,
  commitOne,
  DOCS,
  documentId,
  newDocument,
  openCatalogWorld,
  targetOf,
} from '../support/catalog-world.ts'

const MINUTE = 60_000

describe.each(['pglite', 'postgres'] as const)('work on %s', (kind) => {
  let world: CatalogWorld
  beforeAll(async () => {
    world = await openCatalogWorld(kind)
  })
  beforeEach(() => world.reset())
  afterAll(() => world.close())

  const putMany = (tenant: TenantId, count: number) =>
    world.catalog.documents.put(
      tenant,
      DOCS,
      Array.from({ length: count }, (_, place) => newDocument(`d${place}`, `text ${place}`)),
    )
  const state = async (id: string) => {
    const row = await world.catalog.documents.get(ACME, DOCS, documentId(id))
    return row === null ? null : { state: row.state, reason: row.reason, chunks: row.chunkCount }
  }
  const feed = async () => {
    const changes = await world.catalog.feed.read(FEED_START, 1_000)
    return changes.map((change) => [change.op, change.revision])
  }
  const stored = async (id: string) => {
    const found = await world.catalog.documents.readNeighbours(
      ACME,
      DOCS,
      CHUNKING,
      documentId(id),
      0,
      1_000,
    )
    return found.map((chunk) => [chunk.text, chunk.revision])
  }

  test('a claim hides its items for the lease, then they come again', async () => {
    await putMany(ACME, 3)
    const [first] = await world.catalog.work.claim(1, 2, MINUTE)
    expect(first).toMatchObject({ tenant: ACME, collection: DOCS })
    expect(first?.items).toHaveLength(2)
    const [second] = await world.catalog.work.claim(1, 2, 0)
    expect(second?.items).toHaveLength(1)
    expect(await world.catalog.work.claim(1, 5, MINUTE)).toEqual([second])
    expect(await world.catalog.work.claim(1, 5, MINUTE)).toEqual([])
  })

  test('a queue alone fills all deliveries, each with its own items', async () => {
    await putMany(ACME, 7)
    const deliveries = await world.catalog.work.claim(3, 2, MINUTE)
    expect(deliveries.map((delivery) => delivery.items.length)).toEqual([2, 2, 2])
    expect(new Set(deliveries.flatMap((delivery) => delivery.items)).size).toBe(6)
  })

  test('tenants take turns however much one of them has waiting', async () => {
    const tenants = ['big', 'x', 'y', 'z'] as TenantId[]
    await putMany('big' as TenantId, 50)
    for (const tenant of tenants.slice(1)) await putMany(tenant, 2)
    const served: string[] = []
    for (let round = 0; round < 8; round += 1) {
      const deliveries = await world.catalog.work.claim(1, 1, MINUTE)
      served.push(...deliveries.map((delivery) => delivery.tenant))
    }
    expect(served.slice(0, 4).sort()).toEqual(['big', 'x', 'y', 'z'])
    expect(served.slice(4).sort()).toEqual(['big', 'x', 'y', 'z'])
  })

  test('loading raises the attempts and leaves out what is settled or unknown', async () => {
    const item = await world.queue(ACME, newDocument('a', 'one'))
    expect(item.attempts).toBe(1)
    expect(await world.catalog.work.load([item.id, 999_999n])).toEqual([{ ...item, attempts: 2 }])
    await world.index(item, ['one'])
    expect(await world.catalog.work.load([item.id])).toEqual([])
  })

  test('a commit writes chunks, vectors and changes once', async () => {
    const item = await world.queue(ACME, newDocument('a', 'one'))
    expect(await world.index(item, ['p', 'same', 'same'])).toBe(true)
    expect(await world.index(item, ['p', 'same', 'same'])).toBe(false)
    expect(await state('a')).toEqual({ state: 'indexed', reason: null, chunks: 3 })
    expect(await feed()).toEqual([
      ['upsert', 1],
      ['upsert', 1],
      ['upsert', 1],
    ])
    const { space } = targetOf(world.docs)
    const hashes = ['hash of p', 'hash of same', 'hash of none']
    expect(await world.catalog.work.knownVectors(ACME, space, hashes)).toEqual(
      new Map([
        ['hash of p', Float32Array.of(1, 0.5)],
        ['hash of same', Float32Array.of(4, 0.5)],
      ]),
    )
    expect(await world.catalog.work.knownVectors(BETA, space, hashes)).toEqual(new Map())
  })

  test('an edit changes only the chunks that it touches, and leaves no ghosts', async () => {
    await world.index(await world.queue(ACME, newDocument('a', '1')), ['p', 'q', 'r', 's'])
    await world.index(await world.queue(ACME, newDocument('a', '2')), ['p', 'Q', 'r'])
    expect(await stored('a')).toEqual([
      ['p', 1],
      ['Q', 2],
      ['r', 1],
    ])
    expect((await feed()).slice(4).sort()).toEqual([
      ['delete', 2],
      ['delete', 2],
      ['upsert', 2],
    ])
    const { space } = targetOf(world.docs)
    const hashes = ['p', 'q', 'r', 's', 'Q'].map((text) => `hash of ${text}`)
    const known = await world.catalog.work.knownVectors(ACME, space, hashes)
    expect([...known.keys()].sort()).toEqual(['hash of Q', 'hash of p', 'hash of r'])
  })

  test('a chunk that only moved, or whose metadata changed, is an upsert with its old id', async () => {
    await world.index(await world.queue(ACME, newDocument('a', '1')), ['p', 'q'])
    await world.index(await world.queue(ACME, newDocument('a', '2')), ['new', 'p', 'q'])
    expect((await feed()).slice(2)).toEqual([
      ['upsert', 2],
      ['upsert', 2],
      ['upsert', 2],
    ])
    const item = await world.queue(ACME, newDocument('a', '3'))
    await world.index(item, ['new', 'p', 'q'], { lang: 'en' })
    expect(await stored('a')).toEqual([
      ['new', 3],
      ['p', 3],
      ['q', 3],
    ])
    const ids = (await world.catalog.feed.read(FEED_START, 100)).map((change) => change.chunk)
    expect(new Set(ids).size).toBe(3)
  })

  test('an overtaken, deleted or cancelled write cannot be committed', async () => {
    const overtaken = await world.queue(ACME, newDocument('a', '1'))
    await world.queue(ACME, newDocument('a', '2'))
    const deleted = await world.queue(ACME, newDocument('b', '1'))
    await world.catalog.documents.remove(ACME, DOCS, documentId('b'))
    const cancelled = await world.queue(ACME, newDocument('c', '1'))
    await world.catalog.jobs.cancel(ACME, cancelled.jobId)
    for (const item of [overtaken, deleted, cancelled]) {
      expect(await world.index(item, ['late'])).toBe(false)
      await world.catalog.work.bury(item, 'late')
    }
    expect(await feed()).toEqual([])
    expect(await state('a')).toMatchObject({ state: 'queued' })
    expect(await state('b')).toBeNull()
    expect(await state('c')).toMatchObject({ state: 'failed', reason: 'cancelled' })
  })

  test('a commit of another space is refused whole', async () => {
    const item = await world.queue(ACME, newDocument('a', '1'))
    const wrong = { ...chunks(['x'])[0], vector: Float32Array.of(1, 2, 3) }
    const target = targetOf(world.docs)
    const commit = (to: typeof target, given = chunks(['x'])) =>
      commitOne(world.catalog, item, to, given)
    await expect(
      commit(target, [wrong as ReturnType<typeof chunks>[number]]),
    ).rejects.toMatchObject({ code: 'internal' })
    await expect(commit({ ...target, chunking: 'other' })).rejects.toMatchObject({
      code: 'internal',
    })
    expect(await commit(target)).toBe(true)
  })

  test('text that Postgres cannot hold is stored with spans that still fit', async () => {
    const item = await world.queue(ACME, newDocument('a', '1'))
    const [chunk] = chunks(['x'])
    if (chunk === undefined) throw new Error('no chunk')
    const target = { ...targetOf(world.docs), title: 'T\0', metadata: { 'k\0': ['\ud800'] } }
    const text = 'a\0b\ud83d'
    expect(await commitOne(world.catalog, item, target, [{ ...chunk, text }])).toBe(true)
    expect(await stored('a')).toEqual([['a\ufffdb\ufffd', 1]])
  })

  test('a buried item is a dead letter with its reason, until it is retried', async () => {
    const item = await world.queue(ACME, newDocument('a', '1'))
    await world.catalog.work.bury(item, 'not a PDF')
    expect(await state('a')).toMatchObject({ state: 'failed', reason: 'not a PDF' })
    expect(await world.catalog.jobs.get(ACME, item.jobId)).toMatchObject({
      state: 'failed',
      counts: { total: 1, done: 0, dead: 1, cancelled: 0, waiting: 0 },
      failures: [{ document: 'a', reason: 'not a PDF' }],
      finishedAt: expect.any(Date),
    })
    expect(await world.catalog.jobs.retry(ACME, item.jobId)).toMatchObject({
      state: 'queued',
      finishedAt: null,
    })
    expect(await state('a')).toMatchObject({ state: 'queued', reason: null })
    const [again] = await world.catalog.work.load([item.id])
    expect(again).toMatchObject({ attempts: 1 })
    expect(await world.index(item, ['x'])).toBe(true)
  })

  test('retrying does not bring an older revision back', async () => {
    const item = await world.queue(ACME, newDocument('a', '1'))
    await world.catalog.work.bury(item, 'broken')
    const newer = await world.queue(ACME, newDocument('a', '2'))
    expect(await world.catalog.jobs.retry(ACME, item.jobId)).toMatchObject({
      state: 'done',
      counts: { waiting: 0, dead: 0 },
    })
    expect(await world.catalog.work.load([item.id])).toEqual([])
    expect(await world.index(newer, ['2'])).toBe(true)
  })

  test('a released item waits for its pause', async () => {
    const item = await world.queue(ACME, newDocument('a', '1'))
    await world.catalog.work.release([item.id], MINUTE, 'rate limited')
    expect(await world.catalog.work.claim(1, 1, MINUTE)).toEqual([])
    await world.catalog.work.release([item.id], 0, null)
    expect(await world.catalog.work.claim(1, 1, MINUTE)).toHaveLength(1)
  })

  test('jobs are listed newest first, of their own tenant only', async () => {
    const ids: string[] = []
    for (const text of ['1', '2', '3']) {
      ids.unshift((await world.queue(ACME, newDocument(`d${text}`, text))).jobId)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    const list = async (after: string | null) =>
      (await world.catalog.jobs.list(ACME, after, 2)).map((job) => job.id)
    expect(await list(null)).toEqual(ids.slice(0, 2))
    expect(await list(ids[1] ?? '')).toEqual(ids.slice(2))
    expect(await world.catalog.jobs.list(BETA, null, 10)).toEqual([])
    for (const method of ['get', 'cancel', 'retry'] as const) {
      expect(await world.catalog.jobs[method](BETA, ids[0] ?? '')).toBeNull()
    }
    expect(await world.catalog.jobs.get(ACME, ids[0] ?? '')).toMatchObject({
      state: 'running',
      counts: { waiting: 1 },
    })
  })
})
