import { QuarryError } from '../core/errors.ts'
import {
  type ChunkId,
  type CollectionId,
  FEED_START,
  type FeedPosition,
  type IndexId,
  type TenantId,
} from '../core/model.ts'
import type { Change, ChangeOp, Feed } from './change-feed.ts'
import type { Database, Sql } from './database.ts'
import { only } from './only.ts'
import {
  CHUNK_COLUMNS,
  type LoadedColumns,
  POSITION_COLUMNS,
  type PositionColumns,
  toLoadedChunk,
  toPosition,
} from './rows.ts'

export function openFeed(database: Database): Feed {
  return {
    read: (after, count) => database.asSystem((sql) => read(sql, after, count)),
    horizon: () => database.asSystem(horizon),
    loadChunks: (tenant, collection, chunking, space, ids) =>
      database.asTenant(tenant, async (sql) => {
        const found = await sql.query<LoadedColumns>(LOAD_BY_ID, [
          collection,
          chunking,
          space,
          tenant,
          ids,
        ])
        return found.rows.map(toLoadedChunk)
      }),
    scan: (collection, chunking, space, after, count) =>
      database.asSystem(async (sql) => {
        const found = await sql.query<LoadedColumns>(
          scanFrom(after !== null),
          after === null
            ? [collection, chunking, space, count]
            : [collection, chunking, space, count, after.tenant, after.chunk],
        )
        return found.rows.map(toLoadedChunk)
      }),
    settled: (tenant, collection, version) =>
      database.asTenant(tenant, (sql) => settled(sql, tenant, collection, version)),
    appliedPosition: (index) => database.asSystem((sql) => appliedPosition(sql, index)),
    advance: (index, position, lease) =>
      database.asSystem(async (sql) => {
        const moved = await sql.query(
          `update quarry.indexes set applied_xid = $2::text::xid8, applied_seq = $3
           where index_id = $1 and lease_holder = $4 and lease_until > clock_timestamp()
             and (applied_xid, applied_seq) <= ($2::text::xid8, $3)`,
          [index, String(position.xid), position.seq, lease],
        )
        return moved.rowCount > 0
      }),
    lease: (index, holder, leaseMs) =>
      database.asSystem(async (sql) => {
        const taken = await sql.query(
          `update quarry.indexes
           set lease_holder = $2,
             lease_until = clock_timestamp() + $3::double precision * interval '1 ms'
           where index_id = $1
             and (lease_holder is null or lease_holder = $2 or lease_until <= clock_timestamp())`,
          [index, holder, leaseMs],
        )
        return taken.rowCount > 0
      }),
  }
}

/**
 * Each chunk and vector by its key: the limits keep the planner, which on a young or an embedded database knows no
 * statistics, from reading whole tables for a handful of ids.
 */
const LOAD_BY_ID = `select ${CHUNK_COLUMNS}, c.tenant_id, v.vector
  from (select distinct id from unnest($5::text[]) as given(id)) as asked
  cross join lateral (
    select * from quarry.chunks
    where tenant_id = $4 and collection_id = $1 and chunking = $2 and chunk_id = asked.id limit 1
  ) as c
  cross join lateral (
    select vector from quarry.vectors
    where tenant_id = $4 and space_id = $3 and content_hash = c.content_hash limit 1
  ) as v`

/** The bound stands by itself, not in an `or`, so that the index leads straight to the page. */
function scanFrom(afterGiven: boolean): string {
  return `select ${CHUNK_COLUMNS}, c.tenant_id, v.vector
  from (
    select * from quarry.chunks
    where collection_id = $1 and chunking = $2
      ${afterGiven ? 'and (tenant_id, chunk_id) > ($5, $6)' : ''}
    order by tenant_id, chunk_id limit $4
  ) as c
  cross join lateral (
    select vector from quarry.vectors
    where tenant_id = c.tenant_id and space_id = $3 and content_hash = c.content_hash limit 1
  ) as v
  order by c.tenant_id, c.chunk_id`
}

interface ChangeRow extends PositionColumns {
  readonly op: ChangeOp
  readonly collection_id: CollectionId
  readonly tenant_id: TenantId | null
  readonly chunking: string
  readonly chunk_id: ChunkId | null
  readonly revision: bigint
}

/**
 * Stops at the oldest transaction that still runs: it may yet commit rows that belong before those which can be seen
 * now. A transaction that idles holds the feed up, also one in another database of the same server.
 */
async function read(sql: Sql, after: FeedPosition, count: number): Promise<readonly Change[]> {
  const found = await sql.query<ChangeRow>(
    `select ${POSITION_COLUMNS}, op, collection_id, tenant_id, chunking, chunk_id, revision
     from quarry.changes c
     where (c.xid, c.seq) > ($1::text::xid8, $2)
       and c.xid < pg_snapshot_xmin(pg_current_snapshot())
     order by c.xid, c.seq
     limit $3`,
    [String(after.xid), after.seq, count],
  )
  return found.rows.map((row) => ({
    position: toPosition(row),
    op: row.op,
    collection: row.collection_id,
    tenant: row.tenant_id,
    chunking: row.chunking,
    chunk: row.chunk_id,
    revision: Number(row.revision),
  }))
}

/** Everything below is committed, and so in any scan that begins later; sequence numbers begin at 1. */
async function horizon(sql: Sql): Promise<FeedPosition> {
  const found = await sql.query<PositionColumns>(
    'select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as xid, 0::bigint as seq',
  )
  return toPosition(only(found.rows))
}

/**
 * An item with a lower id may still be uncommitted here; nobody can wait for it yet, since its writer has no answer.
 * A queued item stands for the writes that it overtook, too: until it is indexed, none of them can be read.
 */
async function settled(
  sql: Sql,
  tenant: TenantId,
  collection: CollectionId,
  version: bigint,
): ReturnType<Feed['settled']> {
  const found = await sql.query<{ waiting: boolean; xid: bigint | null; seq: bigint | null }>(
    `select newest.xid, newest.seq,
       exists (
         select from quarry.job_items
         where tenant_id = $1 and collection_id = $2 and state = 'queued'
           and least(item_id, covers_from) <= $3) as waiting
     from (select) as one
     left join lateral (
       select ${POSITION_COLUMNS} from quarry.changes c
       where c.collection_id = $2 and c.tenant_id = $1
       order by c.xid desc, c.seq desc limit 1
     ) as newest on true`,
    [tenant, collection, version],
  )
  const { waiting, xid, seq } = only(found.rows)
  return { settled: !waiting, position: xid === null || seq === null ? FEED_START : { xid, seq } }
}

async function appliedPosition(sql: Sql, index: IndexId): Promise<FeedPosition> {
  const found = await sql.query<PositionColumns>(
    `select applied_xid::text::bigint as xid, applied_seq as seq
     from quarry.indexes where index_id = $1`,
    [index],
  )
  const [row] = found.rows
  if (row === undefined) throw new QuarryError('not_found', `there is no index "${index}"`)
  return toPosition(row)
}
