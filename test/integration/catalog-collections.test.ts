import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { collectionPolicySchema } from '../../src/catalog/policy.ts'
import { type CollectionId, FEED_START } from '../../src/core/model.ts'
import { NO_USAGE } from '../../src/observe/usage.ts'
import {
  ACME,
  addEvaluation,
  BETA,
  type CatalogWorld,
  chunks,
  commitOne,
  createCollection,
  DOCS,
  documentId,
  newCollection,
  newDocument,
  openCatalogWorld,
  targetOf,
} from '../support/catalog-world.ts'

const OTHER = 'other' as CollectionId

describe.each(['pglite', 'postgres'] as const)('collections and tenants on %s', (kind) => {
  let world: CatalogWorld
  beforeAll(async () => {
    world = await openCatalogWorld(kind)
  })
  beforeEach(() => world.reset())
  afterAll(() => world.close())

  test('a collection is made once, with its index and space; equal spaces are one', async () => {
    const { collections } = world.catalog
    const made = await collections.create(newCollection(OTHER))
    expect(made).toMatchObject({
      created: true,
      collection: { id: OTHER, serving: { collection: OTHER, state: 'live', store: 'local' } },
    })
    expect(await collections.create(newCollection(OTHER))).toEqual({ ...made, created: false })
    const docs = await collections.get(DOCS)
    expect(docs?.serving.space).toEqual(made.collection.serving.space)
    expect(docs?.serving.index).not.toBe(made.collection.serving.index)
    const changed = newCollection('third' as CollectionId)
    const third = await collections.create({
      ...changed,
      space: { ...changed.space, identity: { model: 'hashed', dimensions: 3 } },
    })
    expect(third.collection.serving.space.id).not.toBe(docs?.serving.space.id)
    expect(third.collection.serving.space.id).toMatch(/^sp_[0-9a-f]{16}$/)
  })

  test('many that create one collection at once are given the same one', async () => {
    const made = await Promise.all(
      Array.from({ length: 5 }, () => world.catalog.collections.create(newCollection(OTHER))),
    )
    expect(made.filter(({ created }) => created)).toHaveLength(1)
    expect(new Set(made.map(({ collection }) => collection.serving.index)).size).toBe(1)
  })

  test('lists go by id in pages; indexes are those of every collection', async () => {
    const { collections } = world.catalog
    await createCollection(world.catalog, OTHER)
    expect((await collections.list(null, 1)).map(({ id }) => id)).toEqual([DOCS])
    expect((await collections.list(DOCS, 9)).map(({ id }) => id)).toEqual([OTHER])
    expect((await collections.indexes()).map((index) => index.collection)).toEqual([DOCS, OTHER])
  })

  test('a policy is changed in place', async () => {
    const policy = collectionPolicySchema.parse({ embedder: 'hashed', candidates: 42 })
    const updated = await world.catalog.collections.updatePolicy(DOCS, policy)
    expect(updated.policy).toEqual(policy)
    expect(await world.catalog.collections.get(DOCS)).toEqual(updated)
    await expect(world.catalog.collections.updatePolicy(OTHER, policy)).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  test('removing a collection takes its documents and what only they used, of every tenant', async () => {
    const { collections, documents, feed, work } = world.catalog
    const other = await createCollection(world.catalog, OTHER)
    await world.index(await world.queue(ACME, newDocument('a', '1')), ['own', 'shared'])
    await world.index(await world.queue(BETA, newDocument('a', '1')), ['shared'])
    await world.queue(BETA, newDocument('waits', '1'))
    const { receipts } = await documents.put(ACME, OTHER, [newDocument('a', '1')])
    const [item] = await work.load(receipts.map(({ version }) => version))
    if (item === undefined) throw new Error('no item')
    const shared = chunks(['shared'])
    await commitOne({ work }, item, targetOf(other), shared)

    expect(await collections.remove(DOCS)).toBe(true)
    expect(await collections.remove(DOCS)).toBe(false)
    expect(await collections.get(DOCS)).toBeNull()
    expect((await feed.read(FEED_START, 100)).at(-1)).toMatchObject({
      op: 'drop_collection',
      collection: DOCS,
      tenant: null,
    })
    expect(await documents.get(ACME, DOCS, documentId('a'))).toBeNull()
    expect(await work.claim(10, 10, 0)).toEqual([])
    expect(await contents('vectors')).toEqual([
      { tenant_id: ACME, content_hash: shared[0]?.contentHash },
    ])
    const kept = await feed.scan(
      OTHER,
      other.serving.space.chunking,
      other.serving.space.id,
      null,
      9,
    )
    expect(kept).toHaveLength(1)
  })

  test('removing a tenant leaves no row of it in any table but the feed and the audit log', async () => {
    const { tenants, keys, usage, idempotency, feed } = world.catalog
    for (const tenant of [ACME, BETA]) {
      await world.index(await world.queue(tenant, newDocument('a', '1')), ['p'])
      const item = await world.queue(tenant, newDocument('b', '1'))
      await world.catalog.work.keepContexts(item, new Map([['h', 'where it stands']]))
      await keys.create({ name: 'k', scopes: ['retrieve'], tenant })
      await idempotency.begin({ tenant, route: 'r', key: 'k' }, 'f')
      await usage.add([{ ...NO_USAGE, tenant, route: 'r', requests: 1 }])
      await addEvaluation(world, tenant)
    }
    expect(await tenants.remove(ACME)).toBe(true)
    expect(await tenants.remove(ACME)).toBe(false)
    const tables = await world.database.asSystem((sql) =>
      sql.query<{ table: string }>(
        `select c.relname as table from pg_class c
         join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
         where c.relnamespace = 'quarry'::regnamespace and c.relkind = 'r'
           and c.relname not in ('changes', 'audit_log', 'isolation_canary')`,
      ),
    )
    expect(tables.rows.length).toBeGreaterThan(9)
    for (const { table } of tables.rows) {
      const owners = new Set((await contents(table)).map((row) => row.tenant_id))
      expect([table, ...owners]).toEqual([table, BETA])
    }
    const drop = (await feed.read(FEED_START, 100)).filter((change) => change.op === 'drop_tenant')
    expect(drop).toMatchObject([{ collection: DOCS, tenant: ACME, chunk: null }])
  })

  async function contents(table: string) {
    const columns = table === 'vectors' ? 'tenant_id, content_hash' : 'tenant_id'
    const found = await world.database.asSystem((sql) =>
      sql.query<{ tenant_id: string }>(`select ${columns} from quarry.${table}`),
    )
    return found.rows
  }
})
