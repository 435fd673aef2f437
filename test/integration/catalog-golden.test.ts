import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readSchemaSteps } from '../../migrations/schema/apply.ts'
import { openDatabase } from '../../src/catalog/database/open-database.ts'
import type { NewGoldenQuery } from '../../src/catalog/golden-queries.ts'
import { openCatalog } from '../../src/catalog/open-catalog.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import type { CollectionId } from '../../src/core/model.ts'
import {
  ACME,
  BETA,
  type CatalogWorld,
  createCollection,
  DOCS,
  documentId,
  newDocument,
  openCatalogWorld,
} from '../support/catalog-world.ts'
import { createTestPostgres } from '../support/postgres.ts'

const OTHER = 'other' as CollectionId

const golden = (id: string, more: Partial<NewGoldenQuery> = {}): NewGoldenQuery => ({
  id,
  query: `what is ${id}?`,
  relevant: { a: 1 },
  note: null,
  tags: [],
  source: 'manual',
  retrievalId: null,
  ...more,
})

describe.each(['pglite', 'postgres'] as const)('golden queries on %s', (kind) => {
  let world: CatalogWorld
  beforeAll(async () => {
    world = await openCatalogWorld(kind)
  })
  beforeEach(() => world.reset())
  afterAll(() => world.close())

  test('come back as they were put, and a second put replaces all of one', async () => {
    const { goldenQueries } = world.catalog
    const full = golden('q1', {
      query: 'Wo gibt es Diesel? ✓',
      relevant: { 'a/b ü': 2, '7': 0, constructor: 1 },
      note: 'from the harbour desk',
      tags: ['fuel', 'de'],
      source: 'promoted',
      retrievalId: 'ret_1',
    })
    expect([...(await goldenQueries.put(ACME, DOCS, [full, golden('q2')]))]).toEqual(['q1', 'q2'])
    const made = await goldenQueries.get(ACME, DOCS, 'q1')
    expect(made).toMatchObject(full)
    expect([...(await goldenQueries.put(ACME, DOCS, [golden('q1'), golden('q3')]))]).toEqual(['q3'])
    const replaced = await goldenQueries.get(ACME, DOCS, 'q1')
    expect(replaced).toMatchObject(golden('q1'))
    expect(replaced?.relevant).toEqual({ a: 1 })
    expect(replaced?.createdAt).toEqual(made?.createdAt)
    expect(Number(replaced?.updatedAt)).toBeGreaterThan(Number(made?.updatedAt))
    expect(await goldenQueries.count(ACME, DOCS)).toBe(3)
    expect(await goldenQueries.remove(ACME, DOCS, 'q1')).toBe(true)
    expect(await goldenQueries.remove(ACME, DOCS, 'q1')).toBe(false)
    expect(await goldenQueries.get(ACME, DOCS, 'q1')).toBeNull()
  })

  test('pages go by id byte by byte, of one tag or source where asked', async () => {
    const { goldenQueries } = world.catalog
    const tagged = golden('b', { tags: ['x', 'y'], source: 'imported' })
    await goldenQueries.put(ACME, DOCS, [golden('ä'), golden('a'), golden('B'), tagged])
    const ids = async (more: object, after: string | null = null, count = 10) =>
      (await goldenQueries.list(ACME, DOCS, { after, count, ...more })).map(({ id }) => id)
    expect(await ids({})).toEqual(['B', 'a', 'b', 'ä'])
    expect(await ids({}, 'B', 2)).toEqual(['a', 'b'])
    expect(await ids({ tag: 'y' })).toEqual(['b'])
    expect(await ids({ source: 'manual' })).toEqual(['B', 'a', 'ä'])
  })

  test('many at once are all there or none, in several statements as in one', async () => {
    const { goldenQueries } = world.catalog
    const relevant = Object.fromEntries(
      Array.from({ length: 400 }, (_, at) => [`document-number-${at}`, at % 3]),
    )
    const many = Array.from({ length: 120 }, (_, at) => golden(`q${at}`, { relevant }))
    expect(JSON.stringify(many).length).toBeGreaterThan(2 * 512 * 1024)
    expect((await goldenQueries.put(ACME, DOCS, many)).size).toBe(120)
    expect((await goldenQueries.get(ACME, DOCS, 'q119'))?.relevant).toEqual(relevant)
    const bad = [...many.map((each) => ({ ...each, id: `new-${each.id}` })), golden('new-q0')]
    await expect(goldenQueries.put(ACME, DOCS, bad)).rejects.toMatchObject({
      code: 'invalid_request',
      message: 'the golden query "new-q0" is there twice',
    })
    await expect(
      goldenQueries.put(ACME, DOCS, [golden('x'), golden('y', { note: 'a\u0000' })]),
    ).rejects.toMatchObject({ code: 'invalid_request' })
    expect(await goldenQueries.count(ACME, DOCS)).toBe(120)
  })

  test('only new ones where that is asked, and none beyond the limit, also of two writers at once', async () => {
    const { goldenQueries } = openCatalog(world.database, { ...DEFAULT_LIMITS, goldenQueries: 3 })
    await goldenQueries.put(ACME, DOCS, [golden('a')])
    await expect(
      goldenQueries.put(ACME, DOCS, [golden('b'), golden('a', { query: 'other' })], {
        onlyNew: true,
      }),
    ).rejects.toMatchObject({ code: 'conflict', message: expect.stringMatching(/"a" already/) })
    expect(await goldenQueries.count(ACME, DOCS)).toBe(1)
    expect((await goldenQueries.get(ACME, DOCS, 'a'))?.query).toBe('what is a?')
    const outcomes = await Promise.allSettled(
      ['b', 'c', 'd', 'e'].map((id) => goldenQueries.put(ACME, DOCS, [golden(id)])),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
    expect(await goldenQueries.count(ACME, DOCS)).toBe(3)
    await goldenQueries.put(ACME, DOCS, [golden('a', { query: 'a full set may change' })])
    await goldenQueries.put(BETA, DOCS, [golden('a'), golden('b'), golden('c')])
  })

  test('no tenant sees, changes or removes what another one has', async () => {
    const { goldenQueries } = world.catalog
    await goldenQueries.put(ACME, DOCS, [golden('mine'), golden('both')])
    await goldenQueries.put(BETA, DOCS, [golden('both', { query: 'theirs' })])
    expect(await goldenQueries.get(BETA, DOCS, 'mine')).toBeNull()
    expect(await goldenQueries.remove(BETA, DOCS, 'mine')).toBe(false)
    expect(await goldenQueries.count(BETA, DOCS)).toBe(1)
    expect((await goldenQueries.get(ACME, DOCS, 'both'))?.query).toBe('what is both?')
    expect((await goldenQueries.list(BETA, DOCS, { after: null, count: 9 })).length).toBe(1)
  })

  test('a collection keeps its own, and takes them along', async () => {
    const { goldenQueries, collections } = world.catalog
    await expect(goldenQueries.put(ACME, OTHER, [golden('a')])).rejects.toMatchObject({
      code: 'not_found',
      message: 'there is no collection "other"',
    })
    await createCollection(world.catalog, OTHER)
    await goldenQueries.put(ACME, OTHER, [golden('a')])
    expect(await goldenQueries.get(ACME, DOCS, 'a')).toBeNull()
    await collections.remove(OTHER)
    expect(await goldenQueries.count(ACME, OTHER)).toBe(0)
  })

  test('documents that are not there are told in the order asked, deleted and foreign ones too', async () => {
    const { goldenQueries, documents } = world.catalog
    await documents.put(ACME, DOCS, [newDocument('here', '1'), newDocument('gone', '1')])
    await documents.remove(ACME, DOCS, documentId('gone'))
    await documents.put(BETA, DOCS, [newDocument('theirs', '1')])
    const asked = ['theirs', 'gone', 'here', 'never']
    expect(await goldenQueries.missingDocuments(ACME, DOCS, asked)).toEqual([
      'theirs',
      'gone',
      'never',
    ])
    const many = Array.from({ length: 5_001 }, (_, at) => `d${at}`)
    const missing = await goldenQueries.missingDocuments(ACME, DOCS, [...many, 'here', 'last'])
    expect(missing).toHaveLength(5_002)
    expect(missing.at(-1)).toBe('last')
  })
})

test('golden queries of a database from before they had notes are kept', async () => {
  const { url, remove } = await createTestPostgres()
  const limits = { ...DEFAULT_LIMITS, databaseConnections: 2 }
  const steps = await readSchemaSteps()
  const open = (upTo: number) =>
    openDatabase({ kind: 'postgres', url, limits, steps: steps.slice(0, upTo) })
  try {
    const before = await open(2)
    await createCollection(openCatalog(before, limits), DOCS)
    await before.asTenant(ACME, async (sql) => {
      await sql.query('insert into quarry.tenants (tenant_id) values ($1)', [ACME])
      await sql.query(
        `insert into quarry.golden_queries (tenant_id, collection_id, query_id, query, relevant)
         values ($1, $2, 'old', 'what?', '{"a": 2}')`,
        [ACME, DOCS],
      )
    })
    await before.close()
    const after = await open(steps.length)
    const { goldenQueries } = openCatalog(after, limits)
    const old = { relevant: { a: 2 }, note: null, tags: [], source: 'manual', retrievalId: null }
    expect(await goldenQueries.get(ACME, DOCS, 'old')).toMatchObject(old)
    await after.close()
  } finally {
    await remove()
  }
})
