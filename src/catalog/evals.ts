import { randomBytes } from 'node:crypto'
import { QuarryError } from '../core/errors.ts'
import type { Limits } from '../core/limits.ts'
import type { CollectionId, TenantId } from '../core/model.ts'
import type { Database, Sql } from './database.ts'
import { hold } from './hold.ts'
import { only } from './only.ts'
import { storableText } from './storable.ts'

export const EVAL_STATES = ['queued', 'running', 'done', 'failed', 'cancelled'] as const
export type EvalState = (typeof EVAL_STATES)[number]

/** One measurement of a tenant's part of a collection, as far as it has come. */
export interface EvalRun {
  readonly id: string
  readonly collection: CollectionId
  readonly state: EvalState
  /** What was asked for; the shape is the caller's. */
  readonly request: object
  readonly progress: { readonly done: number; readonly total: number }
  /** Why it failed, for people; null otherwise. */
  readonly reason: string | null
  /** All of the result but its queries; null until it is done. */
  readonly summary: object | null
  readonly createdAt: Date
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
}

export interface NewEval {
  readonly collection: CollectionId
  readonly request: object
  readonly queriesTotal: number
  /** The process that will run it, and for how long it is believed to live without a word. */
  readonly lease: Lease
}

export interface Lease {
  readonly holder: string
  readonly leaseMs: number
}

export interface EvalQueryRow {
  readonly id: string
  readonly query: string
  readonly result: object
}

export type EvalOutcome =
  | { readonly state: 'done'; readonly summary: object; readonly queries: readonly EvalQueryRow[] }
  | { readonly state: 'failed'; readonly reason: string }

export interface LatestEval extends EvalRun {
  readonly tenant: TenantId
}

/** A run whose process has not renewed its lease reads as failed, whoever looks first. */
export interface Evals {
  /** `not_found` for an unknown collection, `rate_limited` when the tenant has too many under way. */
  create(tenant: TenantId, run: NewEval): Promise<EvalRun>
  get(tenant: TenantId, id: string): Promise<EvalRun | null>
  /** Newest first. */
  list(
    tenant: TenantId,
    page: {
      readonly after: string | null
      readonly count: number
      readonly collection?: CollectionId | undefined
    },
  ): Promise<readonly EvalRun[]>
  /** What each query got, by query id; empty until the run is done. */
  queries(
    tenant: TenantId,
    id: string,
    page: { readonly after: string | null; readonly count: number },
  ): Promise<readonly EvalQueryRow[]>
  /**
   * Says that the holder lives, and how many queries are done; null while it still waits. False when the run is no
   * longer the holder's.
   */
  renew(tenant: TenantId, id: string, lease: Lease, done: number | null): Promise<boolean>
  /** Ends it, and drops the oldest finished ones above the limit; false when it is no longer the holder's to end. */
  finish(tenant: TenantId, id: string, holder: string, outcome: EvalOutcome): Promise<boolean>
  /** Ends one that is under way, removes one that is finished; null when there is none. */
  cancel(tenant: TenantId, id: string): Promise<'cancelled' | 'deleted' | null>
  /** Ends whatever is under way. Only for a process that is alone with the catalog. */
  interruptAll(): Promise<void>
  /** The latest that is done of each tenant and collection, for the operator. */
  latest(): Promise<readonly LatestEval[]>
}

export type EvalLimits = Pick<Limits, 'evalsOpen' | 'evalsKept'>

export const INTERRUPTED = 'interrupted: the process that ran it is gone'

export function openEvals(database: Database, limits: EvalLimits): Evals {
  const within = <T>(tenant: TenantId, work: (sql: Sql) => Promise<T>): Promise<T> =>
    database.asTenant(tenant, async (sql) => {
      await expire(sql, tenant)
      return work(sql)
    })
  return {
    create: (tenant, run) => within(tenant, (sql) => create(sql, tenant, run, limits.evalsOpen)),
    get: (tenant, id) => within(tenant, (sql) => get(sql, tenant, id)),
    list: (tenant, { after, count, collection }) =>
      within(tenant, async (sql) => {
        const found = await sql.query<EvalColumns>(
          `${SELECT} where tenant_id = $1 and ($2::text is null or eval_id < $2)
             and ($3::text is null or collection_id = $3)
           order by eval_id desc limit $4`,
          [tenant, after, collection ?? null, count],
        )
        return found.rows.map(toEvalRun)
      }),
    queries: (tenant, id, { after, count }) =>
      database.asTenant(tenant, async (sql) => {
        const found = await sql.query<{ query_id: string; query: string; result: object }>(
          `select query_id, query, result from quarry.eval_queries
           where tenant_id = $1 and eval_id = $2 and ($3::text is null or query_id > $3)
           order by query_id limit $4`,
          [tenant, id, after, count],
        )
        return found.rows.map((row) => ({ id: row.query_id, query: row.query, result: row.result }))
      }),
    renew: (tenant, id, lease, done) =>
      database.asTenant(tenant, (sql) => renew(sql, [tenant, id], lease, done)),
    finish: (tenant, id, holder, outcome) =>
      database.asTenant(tenant, (sql) =>
        finish(sql, { tenant, id, holder, keptMax: limits.evalsKept }, outcome),
      ),
    cancel: (tenant, id) => within(tenant, (sql) => cancel(sql, tenant, id)),
    interruptAll: () =>
      database.asSystem(async (sql) => {
        await sql.query(`${INTERRUPT} where state in ('queued', 'running')`, [INTERRUPTED])
      }),
    latest: () => database.asSystem(latest),
  }
}

interface EvalColumns {
  readonly eval_id: string
  readonly collection_id: CollectionId
  readonly state: EvalState
  readonly request: object
  readonly queries_total: number
  readonly queries_done: number
  readonly reason: string | null
  readonly summary: object | null
  readonly created_at: Date
  readonly started_at: Date | null
  readonly finished_at: Date | null
}

const COLUMNS = `eval_id, collection_id, state, request, queries_total, queries_done, reason, summary,
  created_at, started_at, finished_at`
const SELECT = `select ${COLUMNS} from quarry.evals`
const INTERRUPT = `update quarry.evals set state = 'failed', reason = $1, finished_at = now()`

function toEvalRun(row: EvalColumns): EvalRun {
  return {
    id: row.eval_id,
    collection: row.collection_id,
    state: row.state,
    request: row.request,
    progress: { done: row.queries_done, total: row.queries_total },
    reason: row.reason,
    summary: row.summary,
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  }
}

async function expire(sql: Sql, tenant: TenantId): Promise<void> {
  await sql.query(
    `${INTERRUPT}
     where tenant_id = $2 and state in ('queued', 'running') and lease_until < clock_timestamp()`,
    [INTERRUPTED, tenant],
  )
}

async function get(sql: Sql, tenant: TenantId, id: string): Promise<EvalRun | null> {
  const found = await sql.query<EvalColumns>(`${SELECT} where tenant_id = $1 and eval_id = $2`, [
    tenant,
    id,
  ])
  return found.rows[0] === undefined ? null : toEvalRun(found.rows[0])
}

const IN_MS = (parameter: string) =>
  `clock_timestamp() + ${parameter}::double precision * interval '1 ms'`

async function create(
  sql: Sql,
  tenant: TenantId,
  { collection, request, queriesTotal, lease }: NewEval,
  openMax: number,
): Promise<EvalRun> {
  await hold(sql, { tenant, collection })
  // Of two that are asked for at once, the second counts the first.
  await sql.query('select from quarry.tenants where tenant_id = $1 for no key update', [tenant])
  const open = await sql.query<{ open: number }>(
    `select count(*)::integer as open from quarry.evals
     where tenant_id = $1 and state in ('queued', 'running')`,
    [tenant],
  )
  if (only(open.rows).open >= openMax)
    throw new QuarryError(
      'rate_limited',
      `${openMax} evals of this tenant wait or run already (limits.evals_open): wait for one, or cancel it`,
    )
  const made = await sql.query<EvalColumns>(
    `insert into quarry.evals
       (tenant_id, eval_id, collection_id, request, queries_total, lease_holder, lease_until)
     values ($1, $2, $3, $4::jsonb, $5, $6, ${IN_MS('$7')})
     returning ${COLUMNS}`,
    [
      tenant,
      generateEvalId(),
      collection,
      JSON.stringify(request),
      queriesTotal,
      lease.holder,
      lease.leaseMs,
    ],
  )
  return toEvalRun(only(made.rows))
}

function generateEvalId(): string {
  return `ev_${Date.now().toString(16).padStart(12, '0')}${randomBytes(10).toString('hex')}`
}

async function renew(
  sql: Sql,
  place: readonly [TenantId, string],
  { holder, leaseMs }: Lease,
  done: number | null,
): Promise<boolean> {
  const renewed = await sql.query(
    `update quarry.evals
     set lease_until = ${IN_MS('$5')}, queries_done = least(coalesce($4, queries_done), queries_total),
       state = case when $4::integer is null then state else 'running' end,
       started_at = coalesce(started_at, case when $4 is not null then now() end)
     where tenant_id = $1 and eval_id = $2 and lease_holder = $3 and state in ('queued', 'running')`,
    [...place, holder, done, leaseMs],
  )
  return renewed.rowCount > 0
}

interface Ending {
  readonly tenant: TenantId
  readonly id: string
  readonly holder: string
  readonly keptMax: number
}

async function finish(
  sql: Sql,
  { tenant, id, holder, keptMax }: Ending,
  outcome: EvalOutcome,
): Promise<boolean> {
  const isDone = outcome.state === 'done'
  const ended = await sql.query<{ collection_id: CollectionId }>(
    `update quarry.evals
     set state = $4, reason = $5, summary = $6::jsonb, finished_at = now(),
       queries_total = case when $4 = 'done' then $7 else queries_total end,
       queries_done = case when $4 = 'done' then $7 else queries_done end
     where tenant_id = $1 and eval_id = $2 and lease_holder = $3 and state in ('queued', 'running')
     returning collection_id`,
    [
      tenant,
      id,
      holder,
      outcome.state,
      isDone ? null : storableText(outcome.reason),
      isDone ? JSON.stringify(outcome.summary) : null,
      isDone ? outcome.queries.length : 0,
    ],
  )
  const [row] = ended.rows
  if (row === undefined) return false
  if (isDone) await storeQueries(sql, tenant, id, outcome.queries)
  await sql.query(
    `delete from quarry.evals where tenant_id = $1 and eval_id in (
       select eval_id from quarry.evals
       where tenant_id = $1 and collection_id = $2 and finished_at is not null
       order by eval_id desc offset $3)`,
    [tenant, row.collection_id, keptMax],
  )
  return true
}

/** So many rows of some kilobytes in one statement: the embedded database does nothing else meanwhile. */
const STORED = 100

async function storeQueries(
  sql: Sql,
  tenant: TenantId,
  id: string,
  queries: readonly EvalQueryRow[],
): Promise<void> {
  for (let from = 0; from < queries.length; from += STORED) {
    await sql.query(
      `insert into quarry.eval_queries (tenant_id, eval_id, query_id, query, result)
       select $1, $2, id, query, result
       from jsonb_to_recordset($3::jsonb) as given(id text, query text, result jsonb)`,
      [tenant, id, JSON.stringify(queries.slice(from, from + STORED))],
    )
  }
}

async function cancel(
  sql: Sql,
  tenant: TenantId,
  id: string,
): Promise<'cancelled' | 'deleted' | null> {
  const cancelled = await sql.query(
    `update quarry.evals set state = 'cancelled', finished_at = now()
     where tenant_id = $1 and eval_id = $2 and state in ('queued', 'running')`,
    [tenant, id],
  )
  if (cancelled.rowCount > 0) return 'cancelled'
  const gone = await sql.query('delete from quarry.evals where tenant_id = $1 and eval_id = $2', [
    tenant,
    id,
  ])
  return gone.rowCount > 0 ? 'deleted' : null
}

const LATEST_MAX = 1_000

async function latest(sql: Sql): Promise<readonly LatestEval[]> {
  const found = await sql.query<EvalColumns & { tenant_id: TenantId }>(
    `select distinct on (collection_id, tenant_id) tenant_id, ${COLUMNS}
     from quarry.evals where state = 'done'
     order by collection_id, tenant_id, eval_id desc limit $1`,
    [LATEST_MAX],
  )
  return found.rows.map((row) => ({ ...toEvalRun(row), tenant: row.tenant_id }))
}
