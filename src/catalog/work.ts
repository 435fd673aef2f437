import { QuarryError } from '../core/errors.ts'
import type { CollectionId, TenantId } from '../core/model.ts'
import type { Delivery, Work, WorkItem } from './catalog.ts'
import { addContexts, readContexts } from './chunk-contexts.ts'
import { commitDocuments } from './commit-documents.ts'
import type { Database, Sql } from './database.ts'
import { storableText } from './storable.ts'
import { readVectors } from './vectors.ts'

export function openWork(database: Database): Work {
  return {
    claim: (deliveriesMax, itemsMax, leaseMs) =>
      database.asSystem((sql) => claim(sql, { deliveriesMax, itemsMax, leaseMs })),
    renew: (ids, leaseMs) =>
      database.asSystem(async (sql) => {
        await sql.query(
          `${LOCKED_BY_ID}
           update quarry.job_items i
           set available_at = clock_timestamp() + $2::double precision * interval '1 ms'
           from locked where i.tenant_id = locked.tenant_id and i.item_id = locked.item_id`,
          [ids, leaseMs],
        )
      }),
    recover: () =>
      database.asSystem(async (sql) => {
        await sql.query(
          `update quarry.job_items set available_at = clock_timestamp()
           where state = 'queued' and available_at > clock_timestamp()`,
        )
      }),
    load: (ids) => database.asSystem((sql) => load(sql, ids)),
    knownVectors: (tenant, space, hashes) =>
      database.asTenant(tenant, (sql) => readVectors(sql, tenant, space, hashes)),
    knownContexts: (tenant, hashes) =>
      database.asTenant(tenant, (sql) => readContexts(sql, tenant, hashes)),
    keepContexts: async (item, contexts) => {
      if (contexts.size === 0) return
      await database.asTenant(item.tenant, (sql) => addContexts(sql, item, contexts))
    },
    commit: async (entries) => {
      const [first] = entries
      if (first === undefined) return new Set()
      const { tenant, collection } = first.item
      if (entries.some(({ item }) => item.tenant !== tenant || item.collection !== collection))
        throw new QuarryError('internal', 'one commit is of one tenant and one collection')
      return database.asTenant(tenant, (sql) => commitDocuments(sql, entries))
    },
    bury: (item, reason) =>
      database.asTenant(item.tenant, (sql) => bury(sql, item, storableText(reason))),
    release: (ids, retryAfterMs, reason) =>
      database.asSystem(async (sql) => {
        await sql.query(
          `${LOCKED_BY_ID}
           update quarry.job_items i
           set available_at = clock_timestamp() + $2::double precision * interval '1 ms', reason = $3
           from locked where i.tenant_id = locked.tenant_id and i.item_id = locked.item_id`,
          [ids, retryAfterMs, reason === null ? null : storableText(reason)],
        )
        await sql.query(`select pg_notify('quarry_work', '')`)
      }),
  }
}

/** Always in the order of ids, so that two workers with the same items do not wait for each other in a circle. */
const LOCKED_BY_ID = `with locked as (
  select tenant_id, item_id from quarry.job_items
  where item_id = any($1::bigint[]) and state = 'queued'
  order by item_id for update
)`

interface Queue {
  readonly tenant_id: TenantId
  readonly collection_id: CollectionId
}

interface ClaimLimits {
  readonly deliveriesMax: number
  readonly itemsMax: number
  readonly leaseMs: number
}

async function claim(sql: Sql, limits: ClaimLimits): Promise<readonly Delivery[]> {
  const queues = await nextQueues(sql, limits.deliveriesMax)
  if (queues.length === 0) return []
  await sql.query(
    `with served as (
       select tenant_id from quarry.tenants where tenant_id = any($1::text[])
       for no key update skip locked
     )
     update quarry.tenants t set served_at = clock_timestamp()
     from served where t.tenant_id = served.tenant_id`,
    [[...new Set(queues.map((queue) => queue.tenant_id))]],
  )
  // Each queue gets one delivery; what is left over goes round again from the first.
  const shares = queues.map((_queue, place) =>
    Math.ceil((limits.deliveriesMax - place) / queues.length),
  )
  const claimed = await sql.query<Queue & { item_ids: readonly (bigint | number | string)[] }>(
    `with picked as (
       select waiting.*,
         (row_number() over (partition by tenant_id, collection_id order by item_id) - 1) / $5 as part
       from unnest($1::text[], $2::text[], $3::integer[]) with ordinality
         as queue(tenant, collection, items_max, place)
       cross join lateral (
         select tenant_id, collection_id, item_id, queue.place from quarry.job_items
         where tenant_id = queue.tenant and collection_id = queue.collection
           and state = 'queued' and available_at <= now()
         order by available_at, item_id
         limit queue.items_max for update skip locked
       ) as waiting
     ), claimed as (
       update quarry.job_items i
       set available_at = clock_timestamp() + $4::double precision * interval '1 ms'
       from picked where i.tenant_id = picked.tenant_id and i.item_id = picked.item_id
       returning picked.*
     )
     select tenant_id, collection_id, array_agg(item_id::text order by item_id) as item_ids
     from claimed group by part, place, tenant_id, collection_id order by part, place`,
    [
      queues.map((queue) => queue.tenant_id),
      queues.map((queue) => queue.collection_id),
      shares.map((share) => share * limits.itemsMax),
      limits.leaseMs,
      limits.itemsMax,
    ],
  )
  return claimed.rows.map((row) => ({
    tenant: row.tenant_id,
    collection: row.collection_id,
    items: row.item_ids.map(BigInt),
  }))
}

/**
 * The queues whose turn it is: first one of each tenant, and among tenants whoever waited longest, so that a tenant
 * with 100,000 items delays nobody else's first. Steps from queue to queue through the index, past the items.
 */
async function nextQueues(sql: Sql, count: number): Promise<readonly Queue[]> {
  const found = await sql.query<Queue>(
    `with recursive queues as (
       (select tenant_id, collection_id from quarry.job_items where state = 'queued'
        order by tenant_id, collection_id limit 1)
       union all
       select next.tenant_id, next.collection_id
       from queues
       cross join lateral (
         select tenant_id, collection_id from quarry.job_items
         where state = 'queued'
           and (tenant_id, collection_id) > (queues.tenant_id, queues.collection_id)
         order by tenant_id, collection_id limit 1
       ) as next
     ), waiting as (
       select queues.*, first.available_at,
         row_number() over (partition by queues.tenant_id order by first.available_at) as turn
       from queues
       cross join lateral (
         select available_at from quarry.job_items i
         where i.tenant_id = queues.tenant_id and i.collection_id = queues.collection_id
           and state = 'queued' and available_at <= now()
         order by available_at limit 1
       ) as first
     )
     select w.tenant_id, w.collection_id
     from waiting w join quarry.tenants t using (tenant_id)
     order by w.turn, t.served_at nulls first, w.available_at
     limit $1`,
    [count],
  )
  return found.rows
}

async function load(sql: Sql, ids: readonly bigint[]): Promise<readonly WorkItem[]> {
  const loaded = await sql.query<{
    item_id: bigint
    job_id: string
    tenant_id: TenantId
    collection_id: CollectionId
    document_id: WorkItem['document']
    revision: bigint
    attempts: number
  }>(
    `${LOCKED_BY_ID}
     update quarry.job_items i set attempts = i.attempts + 1
     from locked where i.tenant_id = locked.tenant_id and i.item_id = locked.item_id
     returning i.item_id, i.job_id, i.tenant_id, i.collection_id, i.document_id, i.revision, i.attempts`,
    [ids],
  )
  return loaded.rows
    .map((row) => ({
      id: row.item_id,
      jobId: row.job_id,
      tenant: row.tenant_id,
      collection: row.collection_id,
      document: row.document_id,
      revision: Number(row.revision),
      attempts: row.attempts,
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** Only while the item is live: what was overtaken or cancelled meanwhile is no failure of the document. */
async function bury(sql: Sql, item: WorkItem, reason: string): Promise<void> {
  const place = [item.tenant, item.collection, item.document]
  await sql.query(
    `select from quarry.documents
     where tenant_id = $1 and collection_id = $2 and document_id = $3 for update`,
    place,
  )
  const buried = await sql.query(
    `update quarry.job_items set state = 'dead', reason = $3, finished_at = now()
     where tenant_id = $1 and item_id = $2 and state = 'queued'`,
    [item.tenant, item.id, reason],
  )
  if (buried.rowCount === 0) return
  await sql.query(
    `update quarry.documents set state = 'failed', reason = $5, updated_at = now()
     where tenant_id = $1 and collection_id = $2 and document_id = $3 and revision = $4`,
    [...place, item.revision, reason],
  )
}
