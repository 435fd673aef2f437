import { QuarryError } from '../../core/errors.ts'
import type { TenantId } from '../../core/model.ts'
import type { Database, Sql } from '../database.ts'

const OWN = 'quarry-canary-a' as TenantId
const OTHER = 'quarry-canary-b' as TenantId

/**
 * Proves on this very database that the wall between tenants stands: that row-level security is on, that no role is
 * exempt from it and that the doors do take their roles. Throws `internal` otherwise; nothing may be served then.
 */
export async function checkIsolation(
  doors: Pick<Database, 'asTenant' | 'asSystem'>,
): Promise<void> {
  const planted = await doors.asSystem(async (sql) => {
    await sql.query(
      'INSERT INTO isolation_canary (tenant_id) VALUES ($1), ($2) ON CONFLICT DO NOTHING',
      [OWN, OTHER],
    )
    return visibleTenants(sql)
  })
  expectVisible('the system role', planted, [OWN, OTHER])
  expectVisible('tenant A', await doors.asTenant(OWN, visibleTenants), [OWN])
  const nobody = await doors.asTenant(OWN, async (sql) => {
    await sql.query("SET LOCAL quarry.tenant = ''")
    return visibleTenants(sql)
  })
  expectVisible('no tenant', nobody, [])
}

async function visibleTenants(sql: Sql): Promise<readonly string[]> {
  const { rows } = await sql.query<{ tenant_id: string }>(
    'SELECT tenant_id FROM isolation_canary ORDER BY tenant_id',
  )
  return rows.map((row) => row.tenant_id)
}

function expectVisible(who: string, seen: readonly string[], expected: readonly string[]): void {
  if (seen.length === expected.length && seen.every((tenant, at) => tenant === expected[at])) return
  throw new QuarryError(
    'internal',
    `tenants are not isolated in this database: ${who} sees the canary rows [${seen}] and should see [${expected}]. ` +
      'Look for disabled row-level security on quarry.isolation_canary and for BYPASSRLS on quarry_tenant; refusing to start',
  )
}
