import { QuarryError } from '../core/errors.ts'
import type { CollectionId, DocumentId, TenantId } from '../core/model.ts'
import type { DocumentState, Documents, WriteReceipt } from './catalog.ts'
import { removeContexts } from './chunk-contexts.ts'
import type { Database, Sql } from './database.ts'
import { only } from './only.ts'
import { putDocuments } from './put-documents.ts'
import {
  CHUNK_COLUMNS,
  type ChunkColumns,
  DOCUMENT_COLUMNS,
  type DocumentColumns,
  toChunk,
  toDocument,
} from './rows.ts'
import { collectVectors, lockVectors } from './vectors.ts'

export function openDocuments(database: Database): Documents {
  return {
    put: (tenant, collection, documents) => putDocuments(database, tenant, collection, documents),
    get: (tenant, collection, id) =>
      database.asTenant(tenant, async (sql) => {
        const found = await sql.query<DocumentColumns>(
          `select ${DOCUMENT_COLUMNS} ${ONE_DOCUMENT} and state <> 'deleted'`,
          [tenant, collection, id],
        )
        return found.rows[0] === undefined ? null : toDocument(found.rows[0])
      }),
    content: (tenant, collection, id) =>
      database.asTenant(tenant, async (sql) => {
        const found = await sql.query<DocumentColumns & { content: Uint8Array }>(
          `select ${DOCUMENT_COLUMNS}, content ${ONE_DOCUMENT} and state <> 'deleted'`,
          [tenant, collection, id],
        )
        const [row] = found.rows
        return row === undefined ? null : { row: toDocument(row), content: row.content }
      }),
    contents: (tenant, collection, ids, bytesMax) =>
      database.asTenant(tenant, (sql) => contents(sql, { tenant, collection, ids, bytesMax })),
    list: (tenant, collection, page) =>
      database.asTenant(tenant, async (sql) => {
        const found = await sql.query<DocumentColumns>(
          `select ${DOCUMENT_COLUMNS} from quarry.documents
           where tenant_id = $1 and collection_id = $2 and ($3::text is null or document_id > $3)
             and case when $4::text is null then state <> 'deleted' else state = $4 end
           order by document_id limit $5`,
          [tenant, collection, page.after, page.state ?? null, page.count],
        )
        return found.rows.map(toDocument)
      }),
    remove: (tenant, collection, id, expectedRevision) =>
      database.asTenant(tenant, (sql) =>
        removeDocument(sql, { tenant, collection, id }, expectedRevision),
      ),
    readChunks: (tenant, collection, chunking, ids) =>
      database.asTenant(tenant, async (sql) => {
        const found = await sql.query<ChunkColumns>(
          `select ${CHUNK_COLUMNS} from quarry.chunks c
           where tenant_id = $1 and collection_id = $2 and chunking = $3 and chunk_id = any($4::text[])`,
          [tenant, collection, chunking, ids],
        )
        return found.rows.map(toChunk)
      }),
    readNeighbours: (tenant, collection, chunking, id, from, to) =>
      database.asTenant(tenant, async (sql) => {
        const found = await sql.query<ChunkColumns>(
          `select ${CHUNK_COLUMNS} from quarry.chunks c
           where tenant_id = $1 and collection_id = $2 and document_id = $3 and chunking = $4
             and ordinal between $5 and $6
           order by ordinal`,
          [tenant, collection, id, chunking, from, to],
        )
        return found.rows.map(toChunk)
      }),
  }
}

async function contents(
  sql: Sql,
  asked: {
    readonly tenant: TenantId
    readonly collection: CollectionId
    readonly ids: readonly DocumentId[]
    readonly bytesMax: number
  },
): ReturnType<Documents['contents']> {
  const read = await sql.query<
    DocumentColumns & { content: Uint8Array; place: bigint; rows: bigint }
  >(
    // By the key of each: without statistics the planner would read, and inflate, every document there is.
    `select d.*, stored.content from (
       select one.*, asked.place, count(*) over () as rows,
         sum(one.bytes) over (order by asked.place) - one.bytes as before
       from unnest($3::text[]) with ordinality as asked(id, place)
       cross join lateral (
         select ${DOCUMENT_COLUMNS} from quarry.documents
         where tenant_id = $1 and collection_id = $2 and document_id = asked.id
           and state <> 'deleted' limit 1
       ) as one
     ) as d
     cross join lateral (
       select content from quarry.documents
       where tenant_id = $1 and collection_id = $2 and document_id = d.document_id limit 1
     ) as stored
     where d.before = 0 or d.before + d.bytes <= $4
     order by d.place`,
    [asked.tenant, asked.collection, asked.ids, asked.bytesMax],
  )
  const last = read.rows.at(-1)
  const complete = last === undefined || BigInt(read.rows.length) === last.rows
  return {
    found: new Map(
      read.rows.map((row) => [row.document_id, { row: toDocument(row), content: row.content }]),
    ),
    considered: complete ? asked.ids.length : Number(last.place),
  }
}

const ONE_DOCUMENT =
  'from quarry.documents where tenant_id = $1 and collection_id = $2 and document_id = $3'

interface Place {
  readonly tenant: TenantId
  readonly collection: CollectionId
  readonly id: DocumentId
}

/** A delete of what is not there succeeds whatever revision was expected, so that it can be sent again. */
async function removeDocument(
  sql: Sql,
  { tenant, collection, id }: Place,
  expectedRevision: number | undefined,
): Promise<WriteReceipt> {
  const place = [tenant, collection, id]
  const found = await sql.query<{ state: DocumentState; revision: bigint; version: bigint }>(
    `select state, revision, version ${ONE_DOCUMENT} for update`,
    place,
  )
  const [row] = found.rows
  if (row === undefined) return { id, revision: 0, outcome: 'absent', version: 0n }
  const current = Number(row.revision)
  if (row.state === 'deleted')
    return { id, revision: current, outcome: 'absent', version: row.version }
  if (expectedRevision !== undefined && expectedRevision !== current)
    throw new QuarryError(
      'conflict',
      `document "${id}" is at revision ${current}, not at the expected ${expectedRevision}`,
      { details: { document_id: id, revision: current, expected_revision: expectedRevision } },
    )
  await removeChunks(sql, { tenant, collection, id }, current + 1)
  await removeContexts(sql, tenant, collection, id)
  const version = await noteDelete(sql, { tenant, collection, id }, current + 1)
  await sql.query(
    `update quarry.documents
     set state = 'deleted', reason = null, revision = $4, version = $5, indexed_revision = null,
       content = '', content_hash = '', title = null, parsed_title = null, source = null,
       metadata = '{}', chunk_count = 0, plain_chunk_count = 0, updated_at = now()
     where tenant_id = $1 and collection_id = $2 and document_id = $3`,
    [...place, current + 1, version],
  )
  await sql.query(`select pg_notify('quarry_changes', '')`)
  return { id, revision: current + 1, outcome: 'deleted', version }
}

/** Of every chunking, with their vectors. */
async function removeChunks(sql: Sql, place: Place, revision: number): Promise<void> {
  const { tenant, collection, id } = place
  const gone = await sql.query<{ content_hash: string }>(
    `with gone as (
       delete from quarry.chunks
       where tenant_id = $1 and collection_id = $2 and document_id = $3
       returning chunking, chunk_id, content_hash
     ), noted as (
       insert into quarry.changes (op, tenant_id, collection_id, chunking, chunk_id, revision)
       select 'delete', $1, $2, chunking, chunk_id, $4 from gone
     )
     select distinct content_hash from gone`,
    [tenant, collection, id, revision],
  )
  if (gone.rows.length === 0) return
  await lockVectors(sql, tenant, 'exclusive')
  await collectVectors(
    sql,
    tenant,
    gone.rows.map((row) => row.content_hash),
  )
}

/** What waits for the document is overtaken; the delete itself is done as soon as it is written. */
async function noteDelete(sql: Sql, place: Place, revision: number): Promise<bigint> {
  const { tenant, collection, id } = place
  await sql.query(
    `update quarry.job_items set state = 'superseded', finished_at = now()
     where tenant_id = $1 and collection_id = $2 and document_id = $3 and state = 'queued'`,
    [tenant, collection, id],
  )
  const item = await sql.query<{ item_id: bigint }>(
    `insert into quarry.job_items
       (tenant_id, collection_id, document_id, revision, state, finished_at)
     values ($1, $2, $3, $4, 'done', now())
     returning item_id`,
    [tenant, collection, id, revision],
  )
  return only(item.rows).item_id
}
