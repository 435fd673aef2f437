import { QuarryError } from '../core/errors.ts'
import type { ChunkId, Metadata, SpaceId } from '../core/model.ts'
import type { PreparedChunk, WorkItem } from './catalog.ts'
import { chunkIds } from './chunk-id.ts'
import type { Sql } from './database.ts'
import { storableMetadata, storableText } from './storable.ts'
import { addVectors, collectVectors, lockVectors } from './vectors.ts'

interface CommitTarget {
  readonly space: SpaceId
  readonly chunking: string
  readonly title: string | null
  readonly metadata: Metadata
}

/** One chunk as `json_to_recordset` takes it. */
interface ChunkInput {
  readonly chunk_id: ChunkId
  readonly ordinal: number
  readonly span_start: number
  readonly span_end: number
  readonly text: string
  readonly context: string
  readonly headings: readonly string[]
  readonly page: number | null
  readonly content_hash: string
  readonly tokens: number
}

/** The chunks of one document for one embedding space. */
export interface CommitPart {
  readonly target: CommitTarget
  readonly chunks: readonly PreparedChunk[]
}

/** Brings the stored chunks to what they should be and notes in the feed exactly those that changed. */
export async function commitChunks(
  sql: Sql,
  item: WorkItem,
  part: CommitPart,
  also: readonly CommitPart[],
): Promise<boolean> {
  if (!(await takeTurn(sql, item))) return false
  let changed = 0
  for (const one of [part, ...also]) changed += await writePart(sql, item, one, also.length > 0)
  await finish(sql, item, part.target, part.chunks.length)
  if (changed > 0) await sql.query(`select pg_notify('quarry_changes', '')`)
  return true
}

/** `alone`: other parts follow, so the lock on vectors is taken at its strongest at once. */
async function writePart(
  sql: Sql,
  item: WorkItem,
  { target, chunks }: CommitPart,
  alone: boolean,
): Promise<number> {
  await checkVectors(sql, target, chunks)
  const rows = toRows(item, chunks)
  const hashes = new Set(chunks.map((chunk) => chunk.contentHash))
  const vanished = await removeVanished(sql, item, target.chunking, rows)
  const unused = vanished.hashes.filter((hash) => !hashes.has(hash))
  await lockVectors(sql, item.tenant, alone || unused.length > 0 ? 'exclusive' : 'shared')
  await addVectors(
    sql,
    item.tenant,
    target.space,
    new Map(chunks.map((chunk) => [chunk.contentHash, chunk.vector])),
  )
  const written = await writeChanged(sql, item, target, rows)
  if (unused.length > 0) await collectVectors(sql, item.tenant, unused)
  return vanished.count + written
}

/**
 * The fence: holds the document, then ends the item if it is still live and of the document's own revision. The
 * document is locked before anything is written, so that two commits of one document stand in the feed in the order
 * in which they happened (a transaction gets its id with its first lock).
 */
async function takeTurn(sql: Sql, item: WorkItem): Promise<boolean> {
  const held = await sql.query(
    `select from quarry.documents
     where tenant_id = $1 and collection_id = $2 and document_id = $3
       and revision = $4 and state <> 'deleted'
     for update`,
    [item.tenant, item.collection, item.document, item.revision],
  )
  if (held.rowCount === 0) return false
  const ended = await sql.query(
    `update quarry.job_items set state = 'done', reason = null, finished_at = now()
     where tenant_id = $1 and item_id = $2 and revision = $3 and state = 'queued'`,
    [item.tenant, item.id, item.revision],
  )
  return ended.rowCount > 0
}

/** Vectors of two spaces never meet: each must have the length of the space that it is stored in. */
async function checkVectors(
  sql: Sql,
  target: CommitTarget,
  chunks: readonly PreparedChunk[],
): Promise<void> {
  const found = await sql.query<{ dimensions: number; chunking: string }>(
    'select dimensions, chunking from quarry.embedding_spaces where space_id = $1',
    [target.space],
  )
  const [space] = found.rows
  if (space === undefined)
    throw new QuarryError('internal', `there is no embedding space "${target.space}"`)
  if (space.chunking !== target.chunking)
    throw new QuarryError(
      'internal',
      `space "${target.space}" is of chunking "${space.chunking}", not of "${target.chunking}"`,
    )
  const wrong = chunks.find((chunk) => chunk.vector.length !== space.dimensions)
  if (wrong !== undefined)
    throw new QuarryError(
      'internal',
      `chunk ${wrong.ordinal} has ${wrong.vector.length} dimensions, space "${target.space}" has ${space.dimensions}`,
    )
}

function toRows(item: WorkItem, chunks: readonly PreparedChunk[]): readonly ChunkInput[] {
  const inOrder = [...chunks].sort((a, b) => a.ordinal - b.ordinal)
  const ids = chunkIds(
    item.document,
    inOrder.map((chunk) => chunk.contentHash),
  )
  return inOrder.map((chunk, place) => ({
    chunk_id: ids[place] as ChunkId,
    ordinal: chunk.ordinal,
    span_start: chunk.span.start,
    span_end: chunk.span.end,
    text: storableText(chunk.text),
    context: storableText(chunk.context),
    headings: chunk.headings.map(storableText),
    page: chunk.page,
    content_hash: chunk.contentHash,
    tokens: chunk.tokens,
  }))
}

async function removeVanished(
  sql: Sql,
  item: WorkItem,
  chunking: string,
  rows: readonly ChunkInput[],
): Promise<{ readonly count: number; readonly hashes: readonly string[] }> {
  const gone = await sql.query<{ content_hash: string }>(
    `with gone as (
       delete from quarry.chunks
       where tenant_id = $1 and collection_id = $2 and document_id = $3 and chunking = $4
         and chunk_id <> all($5::text[])
       returning chunk_id, content_hash
     ), noted as (
       insert into quarry.changes (op, tenant_id, collection_id, chunking, chunk_id, revision)
       select 'delete', $1, $2, $4, chunk_id, $6 from gone
     )
     select content_hash from gone`,
    [
      item.tenant,
      item.collection,
      item.document,
      chunking,
      rows.map((row) => row.chunk_id),
      item.revision,
    ],
  )
  return { count: gone.rows.length, hashes: [...new Set(gone.rows.map((row) => row.content_hash))] }
}

/** A chunk that is as it was keeps its row and its revision, and makes no change. */
async function writeChanged(
  sql: Sql,
  item: WorkItem,
  target: CommitTarget,
  rows: readonly ChunkInput[],
): Promise<number> {
  const written = await sql.query<{ written: bigint }>(
    `with given as (
       select c.*, $7::jsonb as metadata, coalesce(d.title, $6::text) as title
       from json_to_recordset($8::json) as c(chunk_id text, ordinal integer, span_start integer,
         span_end integer, text text, context text, headings jsonb, page integer,
         content_hash text, tokens integer)
       cross join (
         select title from quarry.documents
         where tenant_id = $1 and collection_id = $2 and document_id = $3
       ) as d
     ), changed as (
       select g.*
       from given g
       left join quarry.chunks old
         on old.tenant_id = $1 and old.collection_id = $2 and old.chunking = $4
           and old.chunk_id = g.chunk_id
       where old.chunk_id is null
         or (old.ordinal, old.span_start, old.span_end, old.text, old.context, old.title,
             old.headings, old.page, old.metadata, old.tokens)
           is distinct from (g.ordinal, g.span_start, g.span_end, g.text, g.context, g.title,
             g.headings, g.page, g.metadata, g.tokens)
     ), written as (
       insert into quarry.chunks (tenant_id, collection_id, chunking, chunk_id, document_id,
         revision, ordinal, span_start, span_end, text, context, title, headings, page, metadata,
         content_hash, tokens)
       select $1, $2, $4, chunk_id, $3, $5, ordinal, span_start, span_end, text, context, title,
         headings, page, metadata, content_hash, tokens
       from changed
       on conflict (tenant_id, collection_id, chunking, chunk_id) do update set
         revision = excluded.revision, ordinal = excluded.ordinal,
         span_start = excluded.span_start, span_end = excluded.span_end,
         text = excluded.text, context = excluded.context, title = excluded.title,
         headings = excluded.headings, page = excluded.page, metadata = excluded.metadata,
         tokens = excluded.tokens
       returning chunk_id
     ), noted as (
       insert into quarry.changes (op, tenant_id, collection_id, chunking, chunk_id, revision)
       select 'upsert', $1, $2, $4, chunk_id, $5 from written
     )
     select count(*) as written from written`,
    [
      item.tenant,
      item.collection,
      item.document,
      target.chunking,
      item.revision,
      target.title === null ? null : storableText(target.title),
      JSON.stringify(storableMetadata(target.metadata)),
      JSON.stringify(rows),
    ],
  )
  return Number(written.rows[0]?.written ?? 0n)
}

async function finish(
  sql: Sql,
  item: WorkItem,
  target: CommitTarget,
  chunkCount: number,
): Promise<void> {
  await sql.query(
    `update quarry.documents
     set state = 'indexed', reason = null, indexed_revision = revision, chunk_count = $4,
       parsed_title = $5, updated_at = now()
     where tenant_id = $1 and collection_id = $2 and document_id = $3`,
    [
      item.tenant,
      item.collection,
      item.document,
      chunkCount,
      target.title === null ? null : storableText(target.title),
    ],
  )
}
