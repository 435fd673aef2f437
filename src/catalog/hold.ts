import { QuarryError } from '../core/errors.ts'
import type { CollectionId, TenantId } from '../core/model.ts'
import type { Sql } from './database.ts'

export interface Place {
  readonly tenant: TenantId
  readonly collection: CollectionId
}

/** Keeps the collection and the tenant, which its first write makes, from being removed before this transaction ends. */
export async function hold(sql: Sql, { tenant, collection }: Place): Promise<void> {
  const held = await sql.query<{ held: boolean | null }>(
    'select quarry.hold_collection($1) as held',
    [collection],
  )
  if (held.rows[0]?.held !== true)
    throw new QuarryError('not_found', `there is no collection "${collection}"`)
  await sql.query('insert into quarry.tenants (tenant_id) values ($1) on conflict do nothing', [
    tenant,
  ])
  const there = await sql.query('select from quarry.tenants where tenant_id = $1 for key share', [
    tenant,
  ])
  if (there.rowCount === 0)
    throw new QuarryError('conflict', `tenant "${tenant}" is being removed`, { retryable: true })
}
