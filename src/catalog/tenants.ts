import type { TenantId } from '../core/model.ts'
import { appendAudit } from './audit.ts'
import type { Tenants } from './catalog.ts'
import type { Database, Sql } from './database.ts'

export function openTenants(database: Database): Tenants {
  return {
    list: (after, count) =>
      database.asSystem(async (sql) => {
        const found = await sql.query<{ tenant_id: TenantId }>(
          `select tenant_id from quarry.tenants
           where $1::text is null or tenant_id > $1
           order by tenant_id limit $2`,
          [after, count],
        )
        return found.rows.map((row) => row.tenant_id)
      }),
    remove: (tenant) => database.asSystem((sql) => remove(sql, tenant)),
  }
}

async function remove(sql: Sql, tenant: TenantId): Promise<boolean> {
  // Writers hold the tenant's row to their end: wait for those under way, and keep new ones out.
  await sql.query('select from quarry.tenants where tenant_id = $1 for update', [tenant])
  await sql.query(
    `insert into quarry.changes (op, collection_id, tenant_id)
     select distinct 'drop_tenant', collection_id, tenant_id from quarry.documents where tenant_id = $1`,
    [tenant],
  )
  // Documents first: a worker that is committing one holds it, and finds none afterwards. Chunks and items go along.
  let removed = 0
  for (const table of TABLES) {
    const gone = await sql.query(`delete from quarry.${table} where tenant_id = $1`, [tenant])
    removed += gone.rowCount
  }
  if (removed === 0) return false
  await appendAudit(sql, { action: 'tenant.remove', subject: tenant, tenant })
  await sql.query(`select pg_notify('quarry_changes', '')`)
  return true
}

/** What the tenant's own row does not take along, then that row. */
const TABLES = ['documents', 'vectors', 'usage', 'idempotency_keys', 'api_keys', 'tenants'] as const
