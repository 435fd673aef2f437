import type { SpaceId, TenantId } from '../core/model.ts'
import { createPace } from '../core/pace.ts'
import type { Sql } from './database.ts'
import { packVectors, unpackVector } from './vector-bytes.ts'

/**
 * To the end of the transaction. Who adds chunks shares the lock, who removes vectors holds it alone: otherwise one
 * could come to rely on a stored vector in the moment in which another finds it unused and removes it.
 */
export async function lockVectors(
  sql: Sql,
  tenant: TenantId,
  mode: 'shared' | 'exclusive',
): Promise<void> {
  const lock = mode === 'shared' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock'
  await sql.query(`select ${lock}(hashtextextended($1::text, 0))`, [`quarry.vectors ${tenant}`])
}

/** Removes those of these vectors, in every space, that no chunk of the tenant uses any more. */
export async function collectVectors(
  sql: Sql,
  tenant: TenantId,
  hashes: readonly string[],
): Promise<void> {
  await sql.query(
    `delete from quarry.vectors v
     where tenant_id = $1 and content_hash = any($2::text[])
       and not exists (
         select from quarry.chunks c
         where c.tenant_id = v.tenant_id and c.content_hash = v.content_hash)`,
    [tenant, hashes],
  )
}

export async function readVectors(
  sql: Sql,
  tenant: TenantId,
  space: SpaceId,
  hashes: readonly string[],
): Promise<Map<string, Float32Array>> {
  const found = await sql.query<{ content_hash: string; vector: Uint8Array }>(
    `select content_hash, vector from quarry.vectors
     where tenant_id = $1 and space_id = $2 and content_hash = any($3::text[])`,
    [tenant, space, hashes],
  )
  return new Map(found.rows.map((row) => [row.content_hash, unpackVector(row.vector)]))
}

/** Of one statement: some megabytes. */
const VECTORS_MAX = 500

/**
 * Sends only the vectors that are not there yet. They must be of one length. Always in the order of their hashes, so
 * that two transactions which add the same ones never wait for each other in a circle.
 */
export async function addVectors(
  sql: Sql,
  tenant: TenantId,
  space: SpaceId,
  vectors: ReadonlyMap<string, Float32Array>,
): Promise<void> {
  const pace = createPace()
  for (const group of groupsInOrder([...vectors.keys()])) {
    const hashes = group.sort()
    for (let at = 0; at < hashes.length; at += VECTORS_MAX) {
      const part = hashes.slice(at, at + VECTORS_MAX)
      await addSome(sql, tenant, space, part, vectors)
    }
    await pace()
  }
}

/** Hashes by their first character, in its order: sorting a large document's all at once would hold the thread. */
function groupsInOrder(hashes: string[]): readonly string[][] {
  if (hashes.length <= VECTORS_MAX) return [hashes]
  const groups = new Map<string, string[]>()
  for (const hash of hashes) {
    const first = hash.charAt(0)
    const group = groups.get(first)
    if (group === undefined) groups.set(first, [hash])
    else group.push(hash)
  }
  return [...groups.keys()].sort().map((first) => groups.get(first) ?? [])
}

async function addSome(
  sql: Sql,
  tenant: TenantId,
  space: SpaceId,
  hashes: readonly string[],
  vectors: ReadonlyMap<string, Float32Array>,
): Promise<void> {
  const there = await sql.query<{ content_hash: string }>(
    `select content_hash from quarry.vectors
     where tenant_id = $1 and space_id = $2 and content_hash = any($3::text[])`,
    [tenant, space, hashes],
  )
  const known = new Set(there.rows.map((row) => row.content_hash))
  const missing = hashes.filter((hash) => !known.has(hash))
  const packed = missing.flatMap((hash) => vectors.get(hash) ?? [])
  const [first] = packed
  if (first === undefined) return
  await sql.query(
    `insert into quarry.vectors (tenant_id, space_id, content_hash, vector)
     select $1, $2, content_hash, substring($4::bytea from (place::integer - 1) * $5::integer + 1 for $5::integer)
     from unnest($3::text[]) with ordinality as missing(content_hash, place)
     on conflict do nothing`,
    [tenant, space, missing, packVectors(packed), first.byteLength],
  )
}
