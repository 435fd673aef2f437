import { LIMITS } from '../core/limits.ts'
import type { CollectionId, DocumentId, TenantId } from '../core/model.ts'
import type { Job, Jobs } from './catalog.ts'
import type { Database, Sql } from './database.ts'

export function openJobs(database: Database): Jobs {
  return {
    get: (tenant, id) => database.asTenant(tenant, (sql) => get(sql, tenant, id)),
    list: (tenant, after, count) =>
      database.asTenant(tenant, (sql) =>
        select(
          sql,
          `where tenant_id = $1 and ($2::text is null or job_id < $2)
           order by job_id desc limit $3`,
          [tenant, after, count],
        ),
      ),
    cancel: (tenant, id) => database.asTenant(tenant, (sql) => cancel(sql, tenant, id)),
    retry: (tenant, id) => database.asTenant(tenant, (sql) => retry(sql, tenant, id)),
  }
}

interface JobRow {
  readonly job_id: string
  readonly tenant_id: TenantId
  readonly collection_id: CollectionId
  readonly created_at: Date
  readonly total: number
  readonly done: number
  readonly dead: number
  readonly cancelled: number
  readonly waiting: number
  readonly begun: number
  readonly finished_at: Date | null
  readonly failures: readonly { readonly document: DocumentId; readonly reason: string }[] | null
}

/** What a newer write overtook counts as done: nothing is left to do for it. */
const COUNTS = `select count(*)::integer as total,
    count(*) filter (where state in ('done', 'superseded'))::integer as done,
    count(*) filter (where state = 'dead')::integer as dead,
    count(*) filter (where state = 'cancelled')::integer as cancelled,
    count(*) filter (where state = 'queued')::integer as waiting,
    count(*) filter (where state <> 'queued' or attempts > 0)::integer as begun,
    max(finished_at) as finished_at
  from quarry.job_items i where i.tenant_id = j.tenant_id and i.job_id = j.job_id`

async function select(
  sql: Sql,
  which: string,
  parameters: readonly (string | number | null)[],
): Promise<readonly Job[]> {
  const found = await sql.query<JobRow>(
    `select j.*, counts.*, failed.failures
     from (select tenant_id, job_id, collection_id, created_at from quarry.jobs ${which}) as j
     cross join lateral (${COUNTS}) as counts
     cross join lateral (
       select jsonb_agg(jsonb_build_object('document', document_id, 'reason', reason)
         order by item_id desc) as failures
       from (
         select document_id, item_id, coalesce(reason, '') as reason from quarry.job_items i
         where i.tenant_id = j.tenant_id and i.job_id = j.job_id and state = 'dead'
         order by item_id desc limit ${LIMITS.jobFailures.max}
       ) as newest
     ) as failed
     order by j.job_id desc`,
    parameters,
  )
  return found.rows.map(toJob)
}

function toJob(row: JobRow): Job {
  const { total, done, dead, cancelled, waiting } = row
  return {
    id: row.job_id,
    tenant: row.tenant_id,
    collection: row.collection_id,
    state: stateOf(row),
    counts: { total, done, dead, cancelled, waiting },
    failures: row.failures ?? [],
    createdAt: row.created_at,
    finishedAt: waiting > 0 ? null : row.finished_at,
  }
}

function stateOf({ waiting, begun, cancelled, dead }: JobRow): Job['state'] {
  if (waiting > 0) return begun > 0 ? 'running' : 'queued'
  if (cancelled > 0) return 'cancelled'
  return dead > 0 ? 'failed' : 'done'
}

async function get(sql: Sql, tenant: TenantId, id: string): Promise<Job | null> {
  const [job] = await select(sql, 'where tenant_id = $1 and job_id = $2', [tenant, id])
  return job ?? null
}

/** Documents before items, as everybody locks them. */
async function lockDocuments(sql: Sql, tenant: TenantId, id: string): Promise<void> {
  await sql.query(
    `select from quarry.documents d
     where tenant_id = $1 and (collection_id, document_id) in (
       select collection_id, document_id from quarry.job_items where tenant_id = $1 and job_id = $2)
     order by collection_id, document_id for update`,
    [tenant, id],
  )
}

/** A worker that is at such an item finds it ended when it commits. */
async function cancel(sql: Sql, tenant: TenantId, id: string): Promise<Job | null> {
  await lockDocuments(sql, tenant, id)
  await sql.query(
    `with cancelled as (
       update quarry.job_items set state = 'cancelled', finished_at = now()
       where tenant_id = $1 and job_id = $2 and state = 'queued'
       returning collection_id, document_id, revision
     )
     update quarry.documents d
     set state = case when d.indexed_revision is null then 'failed' else 'indexed' end,
       reason = case when d.indexed_revision is null then 'cancelled' end, updated_at = now()
     from cancelled c
     where d.tenant_id = $1 and d.collection_id = c.collection_id
       and d.document_id = c.document_id and d.revision = c.revision and d.state = 'queued'`,
    [tenant, id],
  )
  return get(sql, tenant, id)
}

/** A dead letter whose document was written or deleted since has nothing left to retry. */
async function retry(sql: Sql, tenant: TenantId, id: string): Promise<Job | null> {
  await lockDocuments(sql, tenant, id)
  await sql.query(
    `with dead as (
       select i.item_id, d.state = 'failed' and d.revision = i.revision as current
       from quarry.job_items i join quarry.documents d using (tenant_id, collection_id, document_id)
       where i.tenant_id = $1 and i.job_id = $2 and i.state = 'dead'
     ), raised as (
       update quarry.job_items i
       set state = case when current then 'queued' else 'superseded' end,
         finished_at = case when current then null else now() end,
         attempts = 0, reason = null, available_at = now()
       from dead
       where i.tenant_id = $1 and i.item_id = dead.item_id
       returning i.collection_id, i.document_id, current
     )
     update quarry.documents d set state = 'queued', reason = null, updated_at = now()
     from raised r
     where r.current and d.tenant_id = $1 and d.collection_id = r.collection_id
       and d.document_id = r.document_id`,
    [tenant, id],
  )
  await sql.query(`select pg_notify('quarry_work', '')`)
  return get(sql, tenant, id)
}
