import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Sql } from '../../src/catalog/database.ts'
import { openCatalog } from '../../src/catalog/open-catalog.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import { FEED_START, type TenantId } from '../../src/core/model.ts'
import {
  ACME,
  BETA,
  type CatalogWorld,
  DOCS,
  documentId,
  newDocument,
  openCatalogWorld,
  targetOf,
} from '../support/catalog-world.ts'

/** What several connections at once can do to each other; PGlite has only one. */
describe('the catalog under concurrent transactions on postgres', () => {
  let world: CatalogWorld
  beforeAll(async () => {
    world = await openCatalogWorld('postgres')
  })
  beforeEach(() => world.reset())
  afterAll(() => world.close())

  const append = (sql: Sql, revision: number) =>
    sql.query(
      `insert into quarry.changes (op, tenant_id, collection_id, chunk_id, revision)
       values ('upsert', $1, $2, 'c', $3)`,
      [ACME, DOCS, revision],
    )

  test('a late commit with a lower sequence number is not skipped, though a naive reader skips it', async () => {
    const wrote = gate()
    const mayCommit = gate()
    const late = world.database.asSystem(async (sql) => {
      await append(sql, 1)
      wrote.open()
      await mayCommit.passed
    })
    await wrote.passed
    await world.database.asSystem((sql) => append(sql, 2))

    const naive = openNaiveReader(world)
    expect(await naive.read()).toEqual([2])
    const early = await world.catalog.feed.read(FEED_START, 10)
    expect(early).toEqual([])

    mayCommit.open()
    await late
    expect(await naive.read()).toEqual([])
    const changes = await world.catalog.feed.read(early.at(-1)?.position ?? FEED_START, 10)
    expect(changes.map((change) => change.revision)).toEqual([1, 2])
  })

  test('the horizon stays behind a transaction that still runs', async () => {
    const wrote = gate()
    const mayCommit = gate()
    const late = world.database.asSystem(async (sql) => {
      await append(sql, 1)
      wrote.open()
      await mayCommit.passed
    })
    await wrote.passed
    await world.database.asSystem((sql) => append(sql, 2))
    const horizon = await world.catalog.feed.horizon()
    mayCommit.open()
    await late
    expect(await world.catalog.feed.read(horizon, 10)).toHaveLength(2)
  })

  test('transactions that wait for one document stand in the feed in the order of their commits', async () => {
    await world.index(await world.queue(ACME, newDocument('a', '1')), ['p'])
    const next = await world.queue(ACME, newDocument('a', '2'))
    const locked = gate()
    const mayEnd = gate()
    const holder = world.database.asSystem(async (sql) => {
      await sql.query(`select from quarry.documents where document_id = 'a' for update`)
      locked.open()
      await mayEnd.passed
    })
    await locked.passed
    const commit = world.index(next, ['q'])
    const remove = world.catalog.documents.remove(ACME, DOCS, documentId('a'))
    await untilWaiting(world, 2)
    mayEnd.open()
    await holder
    const committed = await commit
    await remove
    const ops = (await world.catalog.feed.read(FEED_START, 10)).map((change) => change.op)
    expect(ops.at(-1)).toBe('delete')
    expect(ops.filter((op) => op === 'upsert')).toHaveLength(committed ? 2 : 1)
    expect(await world.catalog.documents.get(ACME, DOCS, documentId('a'))).toBeNull()
  })

  test('writers of the same new documents in opposite orders all succeed, one after the other', async () => {
    const ids = ['a', 'b', 'c', 'd']
    const put = (order: readonly string[], text: string) =>
      world.catalog.documents.put(
        ACME,
        DOCS,
        order.map((id) => newDocument(id, text)),
      )
    await Promise.all(
      Array.from({ length: 8 }, (_, round) =>
        put(round % 2 === 0 ? ids : [...ids].reverse(), `text ${round}`),
      ),
    )
    const rows = await world.catalog.documents.list(ACME, DOCS, { after: null, count: 10 })
    expect(rows.map((row) => [row.id, row.revision])).toEqual(ids.map((id) => [id, 8]))
    expect(new Set(rows.map((row) => row.contentHash)).size).toBe(1)
    const [delivery] = await world.catalog.work.claim(1, 100, 60_000)
    expect(delivery?.items).toHaveLength(4)
  })

  test('of two that expect a document not to be there, one makes it', async () => {
    const put = (text: string) =>
      world.catalog.documents.put(ACME, DOCS, [newDocument('a', text, { expectedRevision: 0 })])
    const outcomes = await Promise.allSettled([put('1'), put('2'), put('3')])
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'conflict' })
    }
  })

  test('claims that overlap share no item and lose none', async () => {
    for (const tenant of [ACME, BETA]) {
      const documents = Array.from({ length: 60 }, (_, place) => newDocument(`d${place}`, 'x'))
      await world.catalog.documents.put(tenant, DOCS, documents)
    }
    const rounds = Array.from({ length: 6 }, () => world.catalog.work.claim(2, 10, 60_000))
    const claimed = (await Promise.all(rounds)).flat().flatMap((delivery) => delivery.items)
    const rest = (await world.catalog.work.claim(200, 10, 60_000)).flatMap(({ items }) => items)
    const all = [...claimed, ...rest]
    expect(new Set(all).size).toBe(all.length)
    expect(all).toHaveLength(120)
  })

  test('an item or a tenant that somebody holds does not hold a claim up', async () => {
    const held = await world.queue(ACME, newDocument('held', 'x'))
    const free = await world.queue(ACME, newDocument('free', 'x'))
    const locked = gate()
    const mayEnd = gate()
    const holder = world.database.asSystem(async (sql) => {
      await sql.query('select from quarry.tenants for no key update')
      await sql.query('select from quarry.job_items where item_id = $1 for update', [held.id])
      locked.open()
      await mayEnd.passed
    })
    await locked.passed
    const claimed = await world.catalog.work.claim(4, 10, 60_000)
    mayEnd.open()
    await holder
    expect(claimed.flatMap((delivery) => delivery.items)).toEqual([free.id])
  })

  test('a vector that one document drops while another takes it up is still there', async () => {
    for (let round = 0; round < 15; round += 1) {
      await world.index(await world.queue(ACME, newDocument('old', `${round}`)), ['shared'])
      const item = await world.queue(ACME, newDocument('new', `${round}`))
      await Promise.all([
        world.index(item, ['shared']),
        world.catalog.documents.remove(ACME, DOCS, documentId('old')),
      ])
      const { space, chunking } = targetOf(world.docs)
      expect(await world.catalog.feed.scan(DOCS, chunking, space, null, 10)).toHaveLength(1)
      await world.catalog.documents.remove(ACME, DOCS, documentId('new'))
    }
  })

  test('removing a tenant or a collection amid writes and commits leaves nothing behind', async () => {
    const tenants = ['p', 'q'] as TenantId[]
    const busy = tenants.flatMap((tenant) =>
      Array.from({ length: 6 }, async (_, place) => {
        const document = newDocument(`d${place % 2}`, `${place}`)
        const put = await world.catalog.documents.put(tenant, DOCS, [document])
        const items = await world.catalog.work.load(put.receipts.map(({ version }) => version))
        for (const item of items) await world.index(item, [`text ${place}`, 'shared'])
      }),
    )
    const removals = [world.catalog.tenants.remove(tenants[0] as TenantId)]
    const outcomes = await Promise.allSettled([...busy, ...removals])
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ retryable: true })
    }
    for (const tenant of tenants) await world.catalog.tenants.remove(tenant)
    await world.catalog.collections.remove(DOCS)
    const left = await world.database.asSystem((sql) =>
      sql.query(
        `select (select count(*) from quarry.documents) as documents, (select count(*) from quarry.chunks) as chunks,
           (select count(*) from quarry.vectors) as vectors, (select count(*) from quarry.job_items) as items`,
      ),
    )
    expect(left.rows).toEqual([{ documents: 0n, chunks: 0n, vectors: 0n, items: 0n }])
  })

  test('of many that take the lease of an index at once, one gets it', async () => {
    const [index] = await world.catalog.collections.indexes()
    const catalog = openCatalog(world.database, DEFAULT_LIMITS)
    const taken = await Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map((holder) =>
        catalog.feed.lease(index?.index ?? world.docs.serving.index, holder, 60_000),
      ),
    )
    expect(taken.filter(Boolean)).toHaveLength(1)
  })
})

function gate() {
  let open = () => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, passed }
}

/** Goes by sequence number alone, as a reader must not. */
function openNaiveReader(world: CatalogWorld) {
  let last = 0n
  return {
    read: () =>
      world.database.asSystem(async (sql) => {
        const found = await sql.query<{ seq: bigint; revision: bigint }>(
          'select seq, revision from quarry.changes where seq > $1 order by seq',
          [last],
        )
        last = found.rows.at(-1)?.seq ?? last
        return found.rows.map((row) => Number(row.revision))
      }),
  }
}

/** Until so many sessions of this database wait for a lock. */
async function untilWaiting(world: CatalogWorld, sessions: number): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const { rows } = await world.database.pool.query(
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
    if (rows.length >= sessions) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`${sessions} sessions never came to wait for a lock`)
}
