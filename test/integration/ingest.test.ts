import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { EmbeddingSpace, Index } from '../../src/catalog/catalog.ts'
import type { Database } from '../../src/catalog/database.ts'
import { QuarryError } from '../../src/core/errors.ts'
import type { DocumentId, TenantId } from '../../src/core/model.ts'
import { ingestBatch } from '../../src/ingest/ingest.ts'
import { openTestDatabase } from '../support/database.ts'
import {
  createTestCollection,
  createTestEmbedder,
  createWorld,
  type World,
} from '../support/ingest-world.ts'

let database: Database
let world: World

beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database?.close())
beforeEach(async () => {
  world = createWorld(database)
  await createTestCollection(world.catalog, world.collection)
})

const kinds = (outcomes: Awaited<ReturnType<World['ingest']>>): Record<string, string> =>
  Object.fromEntries(outcomes.map(({ item, kind }) => [item.document, kind]))

describe('what is embedded', () => {
  test('the context, a blank line and the text, once for equal passages of a batch', async () => {
    await world.put({ a: 'one\n\ntwo', b: 'two\n\nthree' }, { title: 'Numbers' })
    expect(kinds(await world.ingest())).toEqual({ a: 'indexed', b: 'indexed' })
    expect(world.embedder.texts.sort()).toEqual(
      ['one', 'three', 'two'].map((text) => `Numbers\n\n${text}`),
    )
    expect(world.embedder.calls).toBe(1)
    expect(await world.chunks()).toEqual(['a#0 one', 'a#1 two', 'b#0 two', 'b#1 three'])
  })

  test('nothing for text that the tenant has already', async () => {
    await world.put({ a: 'one\n\ntwo' })
    await world.ingest()
    world.embedder.texts.length = 0
    await world.put({ b: 'two\n\none' })
    expect(kinds(await world.ingest())).toEqual({ b: 'indexed' })
    expect(world.embedder.calls).toBe(1)
  })

  test('only the passages that changed', async () => {
    await world.put({ a: 'one\n\ntwo\n\nthree' })
    await world.ingest()
    world.embedder.texts.length = 0
    await world.put({ a: 'one\n\n2\n\nthree' })
    await world.ingest()
    expect(world.embedder.texts).toEqual(['2'])
    expect(await world.chunks()).toEqual(['a#0 one', 'a#1 2', 'a#2 three'])
  })

  test('again for another tenant: vectors are not shared between tenants', async () => {
    await world.put({ a: 'one' })
    await world.ingest()
    await world.put({ a: 'one' }, { tenant: 'other' as TenantId })
    await world.ingest()
    expect(world.embedder.texts).toEqual(['one', 'one'])
  })
})

describe('what a document leaves behind', () => {
  test('no ghosts when it shrinks, and nothing when it is empty', async () => {
    await world.put({ a: 'one\n\ntwo\n\nthree' })
    await world.ingest()
    await world.put({ a: 'one' })
    await world.ingest()
    expect(await world.chunks()).toEqual(['a#0 one'])
    await world.put({ a: '' })
    expect(kinds(await world.ingest())).toEqual({ a: 'indexed' })
    expect(await world.chunks()).toEqual([])
  })

  test('nothing when it is deleted while its embedding is under way', async () => {
    await world.put({ a: 'one', b: 'two' })
    world.embedder.before = async () => {
      await world.catalog.documents.remove(world.tenant, world.collection, 'a' as DocumentId)
    }
    expect(kinds(await world.ingest())).toEqual({ a: 'overtaken', b: 'indexed' })
    expect(await world.chunks()).toEqual(['b#0 two'])
  })

  test('the newer text when it is written again while the older is under way', async () => {
    await world.put({ a: 'old' })
    world.embedder.before = async () => {
      world.embedder.before = () => {}
      await world.put({ a: 'new' })
    }
    expect(kinds(await world.ingest())).toEqual({ a: 'overtaken' })
    expect(await world.chunks()).toEqual([])
    expect(kinds(await world.ingest())).toEqual({ a: 'indexed' })
    expect(await world.chunks()).toEqual(['a#0 new'])
  })

  test('its last text when the job is cancelled while under way', async () => {
    const { jobId } = await world.put({ a: 'one' })
    world.embedder.before = async () => {
      await world.catalog.jobs.cancel(world.tenant, String(jobId))
    }
    expect(kinds(await world.ingest())).toEqual({ a: 'overtaken' })
    expect(await world.chunks()).toEqual([])
  })
})

describe('a document at fault', () => {
  test('that cannot be parsed leaves its neighbours alone', async () => {
    await world.put({ a: 'one', b: 'unreadable', c: 'three' })
    const outcomes = await world.ingest()
    expect(kinds(outcomes)).toEqual({ a: 'indexed', b: 'failed', c: 'indexed' })
    expect(outcomes.find(({ kind }) => kind === 'failed')).toMatchObject({
      error: { code: 'unsupported' },
    })
  })

  test('whose text the model refuses is found among its neighbours', async () => {
    world.embedder.before = (texts) => {
      if (texts.some((text) => text.includes('poison'))) {
        throw new QuarryError('invalid_request', 'refused the input')
      }
    }
    const texts = Object.fromEntries([...'abcdefgh'].map((id) => [id, `text ${id}`]))
    await world.put({ ...texts, e: 'poison' })
    const outcomes = await world.ingest()
    const failed = outcomes.filter(({ kind }) => kind === 'failed').map(({ item }) => item.document)
    expect(failed).toEqual(['e'])
    expect((await world.chunks()).length).toBe(7)
  })

  test.each(['rate_limited', 'upstream_failed'] as const)(
    '%s fails the batch at once, without looking for a culprit',
    async (code) => {
      world.embedder.before = () => {
        throw new QuarryError(code, 'not now', { details: { retryAfterMs: 7_000 } })
      }
      await world.put({ a: 'one', b: 'two', c: 'three' })
      const outcomes = await world.ingest()
      expect(kinds(outcomes)).toEqual({ a: 'failed', b: 'failed', c: 'failed' })
      expect(world.embedder.calls).toBe(1)
    },
  )

  test.each([
    ['zero', (vector: Float32Array) => vector.fill(0)],
    ['non-finite', (vector: Float32Array) => vector.fill(Number.NaN)],
    ['dimensions', (vector: Float32Array) => vector.subarray(1)],
  ])('a %s vector is refused before it is stored', async (word, spoil) => {
    world.embedder.spoil = spoil
    await world.put({ a: 'one' })
    const [outcome] = await world.ingest()
    expect(outcome).toMatchObject({ kind: 'failed', error: { code: 'upstream_failed' } })
    expect(String(outcome?.kind === 'failed' && outcome.error)).toContain(word)
    expect(await world.chunks()).toEqual([])
  })
})

test('a delivery larger than a wave is embedded in several calls, all of it committed', async () => {
  const wide = { ...world.deps, limits: { ...world.deps.limits, jobWaveChunks: 3 } }
  const small = { ...world, deps: wide }
  await world.put({ a: '1\n\n2', b: '3\n\n4', c: '5\n\n6\n\n7\n\n8\n\n9', d: '10' })
  for (const delivery of await world.catalog.work.claim(10, 64, 60_000)) {
    const items = await world.catalog.work.load(delivery.items)
    await ingestBatch(items, small.deps, new AbortController().signal)
  }
  expect(world.embedder.calls).toBe(4)
  expect((await world.chunks()).length).toBe(10)
})

test('an abort fails what is not committed yet, and every item has an outcome', async () => {
  const stop = new AbortController()
  await world.put({ a: 'one', b: 'two' })
  world.embedder.before = () => {
    stop.abort(new QuarryError('unavailable', 'stopping'))
    stop.signal.throwIfAborted()
  }
  expect(kinds(await world.ingest(stop.signal))).toEqual({ a: 'failed', b: 'failed' })
  expect(await world.chunks()).toEqual([])
})

test('tokens, documents and bytes go to the ledger of their tenant', async () => {
  await world.put({ a: 'one\n\ntwo' })
  await world.ingest()
  const sum = (field: 'embedTokens' | 'documents' | 'bytes'): number =>
    world.usage.reduce((total, record) => total + record[field], 0)
  expect(
    world.usage.every(({ tenant, route }) => tenant === world.tenant && route === 'ingest'),
  ).toBe(true)
  expect([sum('embedTokens'), sum('documents'), sum('bytes')]).toEqual([2, 1, 8])
})

describe('a collection that is moving to another index', () => {
  /** What a migration will do: an index in a second space, beside the serving one. */
  async function addIndex(chunking: string): Promise<Index> {
    const { collection } = world
    await database.asSystem(async (sql) => {
      await sql.query(
        `insert into quarry.embedding_spaces (space_id, name, embedder, dimensions, chunking, identity)
         values ($1, 'second', 'second', 8, $2, '{}')`,
        [`second-${collection}`, chunking],
      )
      await sql.query(
        `insert into quarry.indexes (index_id, collection_id, space_id, store, spec, state)
         select $1, collection_id, $2, store, spec, 'building' from quarry.indexes where collection_id = $3`,
        [`second-${collection}`, `second-${collection}`, collection],
      )
    })
    const indexes = await world.catalog.collections.indexes()
    const added = indexes.find(({ index }) => index === `second-${collection}`)
    if (added === undefined) throw new Error('the second index is not listed')
    return added
  }
  const scan = (index: Index) =>
    world.catalog.feed.scan(world.collection, index.space.chunking, index.space.id, null, 100)

  test.each(['paragraphs-1', 'paragraphs-2'])(
    'is written in both spaces by one commit, the second chunked as %s',
    async (chunking) => {
      const added = await addIndex(chunking)
      await world.put({ a: 'one\n\ntwo' })
      expect(kinds(await world.ingest())).toEqual({ a: 'indexed' })
      await world.put({ a: 'one' })
      expect(kinds(await world.ingest())).toEqual({ a: 'indexed' })
      expect(await world.chunks()).toEqual(['a#0 one'])
      expect((await scan(added)).map(({ text }) => text)).toEqual(['one'])
      expect(world.embedder.texts.sort()).toEqual(['one', 'one', 'two', 'two'])
    },
  )

  test('is not written at all while the new model fails', async () => {
    const added = await addIndex('paragraphs-1')
    const failing = createTestEmbedder()
    failing.before = () => {
      throw new QuarryError('upstream_failed', 'not yet')
    }
    await world.put({ a: 'one' })
    const embedderFor = ({ embedder }: EmbeddingSpace) =>
      embedder === 'second' ? failing : world.embedder
    const [delivery] = await world.catalog.work.claim(1, 64, 60_000)
    const items = await world.catalog.work.load(delivery?.items ?? [])
    const deps = { ...world.deps, embedderFor }
    const [outcome] = await ingestBatch(items, deps, new AbortController().signal)
    expect(outcome?.kind).toBe('failed')
    expect(await world.chunks()).toEqual([])
    expect(await scan(added)).toEqual([])
  })
})
