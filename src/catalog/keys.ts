import { timingSafeEqual } from 'node:crypto'
import type { TenantId } from '../core/model.ts'
import { appendAudit } from './audit.ts'
import type { ApiKey, KeyScope, Keys, NewKey } from './catalog.ts'
import type { Database } from './database.ts'
import { generateKey, hashSecret, parseKey } from './key-format.ts'
import { only } from './only.ts'

interface KeyRow {
  readonly key_id: string
  readonly name: string
  readonly scopes: readonly KeyScope[]
  readonly tenant_id: TenantId | null
  readonly created_at: Date
  readonly last_used_at: Date | null
  readonly expires_at: Date | null
  readonly revoked_at: Date | null
}

const COLUMNS = 'key_id, name, scopes, tenant_id, created_at, last_used_at, expires_at, revoked_at'
const NOBODYS_HASH = new Uint8Array(32)

export function openKeys(database: Database): Keys {
  return {
    create: (key) => create(database, key),
    authenticate: (presented) => authenticate(database, presented),
    list: () =>
      database.asSystem(async (sql) => {
        const found = await sql.query<KeyRow>(
          `select ${COLUMNS} from quarry.api_keys order by created_at, key_id`,
        )
        return found.rows.map(toKey)
      }),
    revoke: (id) => revoke(database, id),
    count: () =>
      database.asSystem(async (sql) => {
        const found = await sql.query<{ count: bigint }>(
          'select count(*) as count from quarry.api_keys',
        )
        return Number(found.rows[0]?.count ?? 0n)
      }),
  }
}

async function create(database: Database, key: NewKey): ReturnType<Keys['create']> {
  const { id, secret, text } = generateKey()
  return database.asSystem(async (sql) => {
    const made = await sql.query<KeyRow>(
      `insert into quarry.api_keys (key_id, name, secret_hash, scopes, tenant_id, expires_at)
       values ($1, $2, $3, $4, $5, $6)
       returning ${COLUMNS}`,
      [id, key.name, hashSecret(secret), key.scopes, key.tenant, key.expiresAt ?? null],
    )
    await appendAudit(sql, {
      action: 'key.create',
      subject: id,
      tenant: key.tenant,
      details: { name: key.name, scopes: key.scopes },
    })
    return { key: toKey(only(made.rows)), secret: text }
  })
}

/** An unknown id costs the same comparison as a wrong secret, so that time does not tell which ids exist. */
async function authenticate(database: Database, presented: string): Promise<ApiKey | null> {
  const parts = parseKey(presented)
  if (parts === null) return null
  return database.asSystem(async (sql) => {
    const found = await sql.query<KeyRow & { secret_hash: Uint8Array; live: boolean }>(
      `select ${COLUMNS}, secret_hash,
         revoked_at is null and (expires_at is null or expires_at > now()) as live
       from quarry.api_keys where key_id = $1`,
      [parts.id],
    )
    const row = found.rows[0]
    const matches = timingSafeEqual(hashSecret(parts.secret), row?.secret_hash ?? NOBODYS_HASH)
    if (row === undefined || !matches || !row.live) return null
    // To the minute is enough for people, and spares a write a request.
    await sql.query(
      `update quarry.api_keys set last_used_at = now()
       where key_id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
      [parts.id],
    )
    return toKey(row)
  })
}

async function revoke(database: Database, id: string): Promise<boolean> {
  return database.asSystem(async (sql) => {
    const revoked = await sql.query<{ tenant_id: TenantId | null }>(
      `update quarry.api_keys set revoked_at = now()
       where key_id = $1 and revoked_at is null
       returning tenant_id`,
      [id],
    )
    const row = revoked.rows[0]
    if (row === undefined) return false
    await appendAudit(sql, { action: 'key.revoke', subject: id, tenant: row.tenant_id })
    return true
  })
}

function toKey(row: KeyRow): ApiKey {
  return {
    id: row.key_id,
    name: row.name,
    scopes: row.scopes,
    tenant: row.tenant_id,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  }
}
