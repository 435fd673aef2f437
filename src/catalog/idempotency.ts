import type { Limits } from '../core/limits.ts'
import type { TenantId } from '../core/model.ts'
import type { Idempotency, IdempotentStart, RequestKey } from './catalog.ts'
import type { Database, Sql } from './database.ts'

export type IdempotencyLimits = Pick<Limits, 'idempotencyMs' | 'idempotencyRunMs'>

export function openIdempotency(database: Database, limits: IdempotencyLimits): Idempotency {
  return {
    begin: (request, fingerprint) =>
      database.asTenant(request.tenant, (sql) => begin(sql, request, fingerprint, limits)),
    complete: (request, response) =>
      database.asTenant(request.tenant, async (sql) => {
        await sql.query(
          `update quarry.idempotency_keys set response = $4::jsonb, expires_at = ${IN_MS('$5')}
           where tenant_id = $1 and route = $2 and key = $3`,
          [...place(request), JSON.stringify(response), limits.idempotencyMs],
        )
      }),
    abandon: (request) =>
      database.asTenant(request.tenant, async (sql) => {
        await sql.query(
          `delete from quarry.idempotency_keys
           where tenant_id = $1 and route = $2 and key = $3 and response is null`,
          place(request),
        )
      }),
  }
}

const IN_MS = (parameter: string) =>
  `clock_timestamp() + ${parameter}::double precision * interval '1 ms'`

const place = ({ tenant, route, key }: RequestKey): [TenantId, string, string] => [
  tenant,
  route,
  key,
]

/** Two that begin at once meet at the key's row: the second waits, and finds the first's. */
async function begin(
  sql: Sql,
  request: RequestKey,
  fingerprint: string,
  limits: IdempotencyLimits,
): Promise<IdempotentStart> {
  await sql.query(
    'delete from quarry.idempotency_keys where tenant_id = $1 and expires_at <= clock_timestamp()',
    [request.tenant],
  )
  const made = await sql.query(
    `insert into quarry.idempotency_keys (tenant_id, route, key, fingerprint, expires_at)
     values ($1, $2, $3, $4, ${IN_MS('$5')}) on conflict do nothing`,
    [...place(request), fingerprint, limits.idempotencyRunMs],
  )
  if (made.rowCount > 0) return { outcome: 'new' }
  const found = await sql.query<{ fingerprint: string; response: object | null }>(
    `select fingerprint, response from quarry.idempotency_keys
     where tenant_id = $1 and route = $2 and key = $3`,
    place(request),
  )
  const [row] = found.rows
  if (row === undefined) return { outcome: 'running' }
  if (row.fingerprint !== fingerprint) return { outcome: 'mismatch' }
  return row.response === null
    ? { outcome: 'running' }
    : { outcome: 'replay', response: row.response }
}
