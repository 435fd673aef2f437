import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { FEED_START } from '../../src/core/model.ts'
import {
  ACME,
  BETA,
  type CatalogWorld,
  CHUNKING,
  commitOne,
  DOCS,
  documentId,
  newDocument,
  openCatalogWorld,
} from '../support/catalog-world.ts'

describe.each(['pglite', 'postgres'] as const)('documents on %s', (kind) => {
  let world: CatalogWorld
  beforeAll(async () => {
    world = await openCatalogWorld(kind)
  })
  beforeEach(() => world.reset())
  afterAll(() => world.close())

  const put = (...documents: Parameters<typeof newDocument>[]) =>
    world.catalog.documents.put(
      ACME,
      DOCS,
      documents.map((document) => newDocument(...document)),
    )
  const get = (id: string) => world.catalog.documents.get(ACME, DOCS, documentId(id))

  test('a put makes the tenant, stores every content and queues one item a document', async () => {
    const { jobId, receipts } = await put(['b', 'two'], ['a', 'one!'], ['empty', ''])
    expect(receipts.map(({ id, revision, outcome }) => [id, revision, outcome])).toEqual([
      ['b', 1, 'created'],
      ['a', 1, 'created'],
      ['empty', 1, 'created'],
    ])
    expect(await world.catalog.tenants.list(null, 10)).toEqual([ACME])
    for (const [id, text] of [
      ['a', 'one!'],
      ['b', 'two'],
      ['empty', ''],
    ] as const) {
      const stored = await world.catalog.documents.content(ACME, DOCS, documentId(id))
      expect(new TextDecoder().decode(stored?.content)).toBe(text)
      expect(stored?.row).toMatchObject({ state: 'queued', revision: 1, bytes: text.length })
    }
    expect(await world.catalog.jobs.get(ACME, jobId ?? '')).toMatchObject({
      state: 'queued',
      counts: { total: 3, waiting: 3 },
    })
  })

  test('the same again queues nothing and gives the version of its last write', async () => {
    const first = await put(['a', 'one', { metadata: { x: 1, y: ['p', 'q'] }, title: 'T' }])
    const again = await put(['a', 'one', { metadata: { y: ['p', 'q'], x: 1 }, title: 'T' }])
    expect(again).toEqual({
      jobId: null,
      receipts: [{ ...first.receipts[0], outcome: 'unchanged' }],
    })
  })

  test.each([
    ['content', 'other', {}],
    ['title', 'one', { title: 'T' }],
    ['source', 'one', { source: 's' }],
    ['metadata', 'one', { metadata: { x: 1 } }],
    ['media type', 'one', { mediaType: 'text/markdown' }],
  ] as const)('another %s is an update', async (_what, text, more) => {
    await put(['a', 'one'])
    const { receipts } = await put(['a', text, more])
    expect(receipts[0]).toMatchObject({ outcome: 'updated', revision: 2 })
  })

  test('an older item that waits is overtaken by a newer write', async () => {
    const first = await put(['a', 'one'])
    const second = await put(['a', 'two'])
    const versions = [...first.receipts, ...second.receipts].map((receipt) => receipt.version)
    const items = await world.catalog.work.load(versions)
    expect(items.map((item) => [item.id, item.revision])).toEqual([[versions[1], 2]])
    expect(await world.catalog.jobs.get(ACME, first.jobId ?? '')).toMatchObject({ state: 'done' })
  })

  test('a wrong expected revision refuses the whole batch and writes none of it', async () => {
    await put(['a', 'one'])
    await expect(put(['new', 'x'], ['a', 'two', { expectedRevision: 7 }])).rejects.toMatchObject({
      code: 'conflict',
      details: { document_id: 'a', revision: 1, expected_revision: 7 },
    })
    await expect(put(['a', 'two', { expectedRevision: 0 }])).rejects.toMatchObject({
      code: 'conflict',
    })
    expect(await get('new')).toBeNull()
    expect(await get('a')).toMatchObject({ revision: 1 })
    const { receipts } = await put(
      ['a', 'two', { expectedRevision: 1 }],
      ['new', 'x', { expectedRevision: 0 }],
    )
    expect(receipts.map((receipt) => receipt.outcome)).toEqual(['updated', 'created'])
  })

  test('a batch that names a document twice, or text that cannot be stored, is refused', async () => {
    await expect(put(['a', 'one'], ['a', 'two'])).rejects.toMatchObject({ code: 'invalid_request' })
    for (const more of [{ title: '\0' }, { metadata: { k: ['\ud800'] } }, { source: 'a\0' }]) {
      await expect(put(['a', 'one', more])).rejects.toMatchObject({ code: 'invalid_request' })
    }
    expect(await get('a')).toBeNull()
  })

  test('an unknown collection is not found', async () => {
    const put = world.catalog.documents.put(ACME, 'none' as typeof DOCS, [newDocument('a', 'x')])
    await expect(put).rejects.toMatchObject({ code: 'not_found' })
    expect(await world.catalog.tenants.list(null, 10)).toEqual([])
  })

  test('the same content is queued again after a failure', async () => {
    const item = await world.queue(ACME, newDocument('a', 'one'))
    await world.catalog.work.bury(item, 'broken \0 file')
    expect(await get('a')).toMatchObject({ state: 'failed', reason: 'broken \ufffd file' })
    const { jobId, receipts } = await put(['a', 'one'])
    expect(jobId).not.toBeNull()
    expect(receipts[0]).toMatchObject({ outcome: 'updated', revision: 2 })
    expect(await get('a')).toMatchObject({ state: 'queued', reason: null })
  })

  test('the same content is queued again after its work was cancelled', async () => {
    await world.index(await world.queue(ACME, newDocument('a', 'one')), ['one'])
    const { jobId } = await put(['a', 'two'])
    await world.catalog.jobs.cancel(ACME, jobId ?? '')
    expect(await get('a')).toMatchObject({ state: 'indexed', chunkCount: 1 })
    const { receipts } = await put(['a', 'two'])
    expect(receipts[0]).toMatchObject({ outcome: 'updated', revision: 3 })
  })

  test('the parsed title shows until the caller gives one', async () => {
    const target = { ...world.docs.serving.space, space: world.docs.serving.space.id, metadata: {} }
    const item = await world.queue(ACME, newDocument('a', 'one'))
    await commitOne(world.catalog, item, { ...target, title: 'Parsed' }, [])
    expect(await get('a')).toMatchObject({ title: 'Parsed' })
    await put(['a', 'one', { title: 'Mine' }])
    expect(await get('a')).toMatchObject({ title: 'Mine' })
    await put(['a', 'one'])
    expect(await get('a')).toMatchObject({ title: null })
  })

  test('a delete removes content, chunks and vectors, and later revisions go on from it', async () => {
    const item = await world.queue(ACME, newDocument('a', 'one', { metadata: { k: 'v' } }))
    await world.index(item, ['one', 'two'])
    const removed = await world.catalog.documents.remove(ACME, DOCS, documentId('a'))
    expect(removed).toMatchObject({ outcome: 'deleted', revision: 2 })
    expect(await get('a')).toBeNull()
    expect(await counts()).toEqual({ chunks: 0n, vectors: 0n })
    const changes = await world.catalog.feed.read(FEED_START, 10)
    expect(changes.map((change) => change.op)).toEqual(['upsert', 'upsert', 'delete', 'delete'])
    expect(await world.catalog.documents.remove(ACME, DOCS, documentId('a'))).toEqual({
      ...removed,
      outcome: 'absent',
    })
    expect((await put(['a', 'one'])).receipts[0]).toMatchObject({ outcome: 'created', revision: 3 })
  })

  test('a delete checks the expected revision, and of what never was is absent', async () => {
    await put(['a', 'one'])
    const remove = (id: string, revision?: number) =>
      world.catalog.documents.remove(ACME, DOCS, documentId(id), revision)
    await expect(remove('a', 5)).rejects.toMatchObject({ code: 'conflict' })
    expect(await remove('none')).toMatchObject({ outcome: 'absent', revision: 0, version: 0n })
    expect(await remove('a', 1)).toMatchObject({ outcome: 'deleted' })
  })

  test('a delete keeps the vectors that another document of the tenant uses', async () => {
    await world.index(await world.queue(ACME, newDocument('a', '1')), ['shared', 'own'])
    await world.index(await world.queue(ACME, newDocument('b', '2')), ['shared'])
    await world.catalog.documents.remove(ACME, DOCS, documentId('a'))
    expect(await counts()).toEqual({ chunks: 1n, vectors: 1n })
  })

  test('a list goes by id in pages, without tombstones unless asked', async () => {
    await put(['c', '3'], ['a', '1'], ['b', '2'], ['ä', '4'])
    await world.catalog.documents.remove(ACME, DOCS, documentId('b'))
    const list = async (after: string | null, state?: 'deleted' | 'queued') => {
      const page = { after: after === null ? null : documentId(after), count: 2, state }
      return (await world.catalog.documents.list(ACME, DOCS, page)).map((row) => row.id)
    }
    expect(await list(null)).toEqual(['a', 'c'])
    expect(await list('c')).toEqual(['ä'])
    expect(await list(null, 'deleted')).toEqual(['b'])
    expect(await list('a', 'queued')).toEqual(['c', 'ä'])
  })

  test('chunks are read by id and as neighbours, of their own tenant only', async () => {
    const item = await world.queue(ACME, newDocument('a', 'text'))
    await world.index(item, ['p', 'q', 'r', 's'], { lang: 'en' })
    const near = await world.catalog.documents.readNeighbours(
      ACME,
      DOCS,
      CHUNKING,
      item.document,
      1,
      2,
    )
    expect(near.map((chunk) => [chunk.ordinal, chunk.text, chunk.headings])).toEqual([
      [1, 'q', ['Heading']],
      [2, 'r', ['Heading']],
    ])
    const ids = near.map((chunk) => chunk.id)
    const read = await world.catalog.documents.readChunks(ACME, DOCS, CHUNKING, ids)
    expect(new Set(read)).toEqual(new Set(near))
    expect(read[0]).toMatchObject({ documentId: 'a', revision: 1, metadata: { lang: 'en' } })
    expect(await world.catalog.documents.readChunks(BETA, DOCS, CHUNKING, ids)).toEqual([])
  })

  async function counts() {
    const found = await world.database.asSystem((sql) =>
      sql.query(
        'select (select count(*) from quarry.chunks) as chunks, (select count(*) from quarry.vectors) as vectors',
      ),
    )
    return found.rows[0]
  }
})
