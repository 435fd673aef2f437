import type { TenantId } from '../core/model.ts'
import type { Sql } from './database.ts'

interface AuditEntry {
  readonly action: 'key.create' | 'key.revoke' | 'tenant.remove' | 'collection.remove'
  /** Id of the key, tenant or collection; never a secret. */
  readonly subject: string
  readonly tenant: TenantId | null
  readonly details?: Readonly<Record<string, unknown>> | undefined
}

/** Notes an act in the same transaction as the act itself, so that neither is there without the other. */
export async function appendAudit(sql: Sql, entry: AuditEntry): Promise<void> {
  await sql.query(
    `insert into quarry.audit_log (action, subject, tenant_id, details) values ($1, $2, $3, $4::jsonb)`,
    [entry.action, entry.subject, entry.tenant, JSON.stringify(entry.details ?? {})],
  )
}
