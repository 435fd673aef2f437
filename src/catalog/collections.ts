import { randomBytes } from 'node:crypto'
import { QuarryError } from '../core/errors.ts'
import type { CollectionId } from '../core/model.ts'
import { appendAudit } from './audit.ts'
import type { Collection, Collections, NewCollection } from './catalog.ts'
import type { Database, Sql } from './database.ts'
import { type CollectionPolicy, collectionPolicySchema } from './policy.ts'
import { INDEX_COLUMNS, type IndexColumns, toIndex } from './rows.ts'
import { spaceIdOf } from './space-id.ts'

export function openCollections(database: Database): Collections {
  return {
    create: (collection) => database.asSystem((sql) => create(sql, collection)),
    get: (id) => database.asSystem((sql) => get(sql, id)),
    list: (after, count) =>
      database.asSystem(async (sql) => {
        const found = await sql.query<CollectionRow>(
          `${SELECT} where $1::text is null or c.collection_id > $1
           order by c.collection_id limit $2`,
          [after, count],
        )
        return found.rows.map(toCollection)
      }),
    updatePolicy: (id, policy) => database.asSystem((sql) => updatePolicy(sql, id, policy)),
    remove: (id) => database.asSystem((sql) => remove(sql, id)),
    indexes: () =>
      database.asSystem(async (sql) => {
        const found = await sql.query<IndexColumns>(
          `select ${INDEX_COLUMNS}
           from quarry.indexes i join quarry.embedding_spaces s using (space_id)
           where i.state <> 'retired'
           order by i.collection_id, i.created_at, i.index_id`,
        )
        return found.rows.map(toIndex)
      }),
  }
}

interface CollectionRow extends IndexColumns {
  readonly policy: unknown
  readonly created_at: Date
}

const SELECT = `select c.policy, c.created_at, ${INDEX_COLUMNS}
  from quarry.collections c
  join quarry.indexes i on i.collection_id = c.collection_id and i.index_id = c.serving_index_id
  join quarry.embedding_spaces s on s.space_id = i.space_id`

/** Parsed, not cast: a policy stored by an earlier release lacks what later ones added. */
function toCollection(row: CollectionRow): Collection {
  return {
    id: row.collection_id,
    policy: collectionPolicySchema.parse(row.policy),
    serving: toIndex(row),
    createdAt: row.created_at,
  }
}

async function get(sql: Sql, id: CollectionId): Promise<Collection | null> {
  const found = await sql.query<CollectionRow>(`${SELECT} where c.collection_id = $1`, [id])
  const row = found.rows[0]
  return row === undefined ? null : toCollection(row)
}

async function getKnown(sql: Sql, id: CollectionId): Promise<Collection> {
  const collection = await get(sql, id)
  if (collection === null) throw new QuarryError('not_found', `there is no collection "${id}"`)
  return collection
}

/** Of two that create at once, the second waits at the collection's row and is given what the first made. */
async function create(sql: Sql, collection: NewCollection): ReturnType<Collections['create']> {
  const { space } = collection
  const spaceId = spaceIdOf(space.identity)
  const indexId = `ix_${randomBytes(10).toString('hex')}`
  const made = await sql.query(
    `insert into quarry.collections (collection_id, policy, serving_index_id)
     values ($1, $2::jsonb, $3) on conflict do nothing`,
    [collection.id, JSON.stringify(collection.policy), indexId],
  )
  if (made.rowCount > 0) {
    await sql.query(
      `insert into quarry.embedding_spaces (space_id, name, embedder, dimensions, chunking, identity)
       values ($1, $2, $3, $4, $5, $6::jsonb) on conflict do nothing`,
      [
        spaceId,
        space.name,
        space.embedder,
        space.dimensions,
        space.chunking,
        JSON.stringify(space.identity),
      ],
    )
    await sql.query(
      `insert into quarry.indexes (index_id, collection_id, space_id, store, spec, state)
       values ($1, $2, $3, $4, $5::jsonb, 'live')`,
      [indexId, collection.id, spaceId, collection.store, JSON.stringify(collection.spec)],
    )
  }
  return { collection: await getKnown(sql, collection.id), created: made.rowCount > 0 }
}

async function updatePolicy(
  sql: Sql,
  id: CollectionId,
  policy: CollectionPolicy,
): Promise<Collection> {
  await sql.query(
    `update quarry.collections set policy = $2::jsonb, updated_at = now() where collection_id = $1`,
    [id, JSON.stringify(policy)],
  )
  return getKnown(sql, id)
}

async function remove(sql: Sql, id: CollectionId): Promise<boolean> {
  // Writers hold the collection to their end: wait for those under way, and keep new ones out.
  const held = await sql.query(
    'select from quarry.collections where collection_id = $1 for update',
    [id],
  )
  if (held.rowCount === 0) return false
  await sql.query(`insert into quarry.changes (op, collection_id) values ('drop_collection', $1)`, [
    id,
  ])
  // Likewise workers, which hold the document that they commit.
  await sql.query(
    `select from quarry.documents where collection_id = $1 order by tenant_id, document_id for update`,
    [id],
  )
  await removeVectors(sql, id)
  await sql.query('delete from quarry.collections where collection_id = $1', [id])
  await appendAudit(sql, { action: 'collection.remove', subject: id, tenant: null })
  await sql.query(`select pg_notify('quarry_changes', '')`)
  return true
}

/** Those that no chunk of another collection of the same tenant shares; nobody may start to share one meanwhile. */
async function removeVectors(sql: Sql, id: CollectionId): Promise<void> {
  await sql.query('lock table quarry.vectors in share row exclusive mode')
  await sql.query(
    `delete from quarry.vectors v
     using (select distinct tenant_id, content_hash from quarry.chunks where collection_id = $1) used
     where v.tenant_id = used.tenant_id and v.content_hash = used.content_hash
       and not exists (
         select from quarry.chunks c
         where c.tenant_id = v.tenant_id and c.content_hash = v.content_hash and c.collection_id <> $1)`,
    [id],
  )
}
