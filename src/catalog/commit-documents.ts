import { QuarryError } from '../core/errors.ts'
import type { ChunkId } from '../core/model.ts'
import { createPace } from '../core/pace.ts'
import type { CommitEntry, PreparedChunk, WorkItem, WorkTarget } from './catalog.ts'
import { removeUnusedContexts } from './chunk-contexts.ts'
import { createChunkIds } from './chunk-id.ts'
import type { Sql } from './database.ts'
import { storableMetadata, storableText } from './storable.ts'
import { addVectors, collectVectors, lockVectors } from './vectors.ts'

/** One chunk as `json_to_recordset` takes it. */
interface ChunkInput {
  readonly document_id: string
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

/** What documents of one transaction get in one embedding space. */
interface SpacePart {
  readonly space: WorkTarget['space']
  readonly chunking: string
  readonly documents: readonly DocumentPart[]
}

interface DocumentPart {
  readonly item: WorkItem
  readonly target: WorkTarget
  readonly chunks: readonly PreparedChunk[]
}

/** Rows of one statement: enough to make it worth its way, and few enough that sending their JSON holds nobody up. */
const ROWS_MAX = 250

/**
 * Brings the stored chunks of some documents of one tenant and collection to what they should be, and notes in the feed
 * exactly those that changed. Gives back the items that it ended; the others were overtaken. One statement serves all
 * documents, since in a bulk load the way to the database costs more than the rows.
 */
export async function commitDocuments(
  sql: Sql,
  entries: readonly CommitEntry[],
): Promise<ReadonlySet<bigint>> {
  const live = await takeTurns(sql, entries)
  const [first] = live
  if (first === undefined) return new Set()
  const parts = partsBySpace(live)
  let changed = 0
  for (const part of parts) changed += await writePart(sql, first.item, part, parts.length > 1)
  await finish(sql, live)
  await removeUnusedContexts(sql, live)
  if (changed > 0) await sql.query(`select pg_notify('quarry_changes', '')`)
  return new Set(live.map(({ item }) => item.id))
}

/**
 * The fence: holds the documents, then ends those items that are still live and of their document's own revision. The
 * documents are locked before anything is written, so that two commits of one document stand in the feed in the order
 * in which they happened (a transaction gets its id with its first lock), and in the order of their ids, so that two
 * commits never wait for each other in a circle.
 */
async function takeTurns(
  sql: Sql,
  entries: readonly CommitEntry[],
): Promise<readonly CommitEntry[]> {
  const [first] = entries
  if (first === undefined) return []
  const { tenant, collection } = first.item
  const held = await sql.query<{ document_id: string }>(
    `select d.document_id from quarry.documents d
     join unnest($3::text[], $4::bigint[]) as wanted(document_id, revision)
       on d.document_id = wanted.document_id and d.revision = wanted.revision
     where d.tenant_id = $1 and d.collection_id = $2 and d.state <> 'deleted'
     order by d.document_id for update of d`,
    [
      tenant,
      collection,
      entries.map(({ item }) => item.document),
      entries.map(({ item }) => item.revision),
    ],
  )
  const documents = new Set(held.rows.map((row) => row.document_id))
  const ours = entries.filter(({ item }) => documents.has(item.document))
  if (ours.length === 0) return []
  const ended = await sql.query<{ item_id: bigint }>(
    `with live as (
       select i.item_id from quarry.job_items i
       join unnest($2::bigint[], $3::bigint[]) as ours(item_id, revision)
         on i.item_id = ours.item_id and i.revision = ours.revision
       where i.tenant_id = $1 and i.state = 'queued'
       order by i.item_id for update of i
     )
     update quarry.job_items i set state = 'done', reason = null, finished_at = now()
     from live where i.tenant_id = $1 and i.item_id = live.item_id
     returning i.item_id`,
    [tenant, ours.map(({ item }) => item.id), ours.map(({ item }) => item.revision)],
  )
  const items = new Set(ended.rows.map((row) => row.item_id))
  return ours.filter(({ item }) => items.has(item.id))
}

function partsBySpace(entries: readonly CommitEntry[]): readonly SpacePart[] {
  const parts = new Map<
    string,
    { space: WorkTarget['space']; chunking: string; documents: DocumentPart[] }
  >()
  for (const { item, parts: ofDocument } of entries) {
    for (const { target, chunks } of ofDocument) {
      const { space, chunking } = target
      const known = parts.get(`${space} ${chunking}`) ?? { space, chunking, documents: [] }
      known.documents.push({ item, target, chunks })
      parts.set(`${space} ${chunking}`, known)
    }
  }
  return [...parts.values()]
}

/** With further parts to come, the lock on vectors is taken at its strongest at once: it can't be raised safely later. */
async function writePart(
  sql: Sql,
  { tenant, collection }: WorkItem,
  part: SpacePart,
  hasOthers: boolean,
): Promise<number> {
  await checkVectors(sql, part)
  const at = { tenant, collection, chunking: part.chunking }
  const rows = await toRows(part)
  const vectors = new Map(
    part.documents.flatMap(({ chunks }) =>
      chunks.map((chunk) => [chunk.contentHash, chunk.vector]),
    ),
  )
  const vanished = await removeVanished(sql, at, part, rows)
  const unused = vanished.hashes.filter((hash) => !vectors.has(hash))
  await lockVectors(sql, tenant, hasOthers || unused.length > 0 ? 'exclusive' : 'shared')
  await addVectors(sql, tenant, part.space, vectors)
  let written = 0
  for (let start = 0; start < rows.length; start += ROWS_MAX)
    written += await writeChanged(sql, at, part, rows.slice(start, start + ROWS_MAX))
  if (unused.length > 0) await collectVectors(sql, tenant, unused)
  return vanished.count + written
}

/** Vectors of two spaces never meet: each must have the length of the space that it is stored in. */
async function checkVectors(
  sql: Sql,
  { space: id, chunking, documents }: SpacePart,
): Promise<void> {
  const found = await sql.query<{ dimensions: number; chunking: string }>(
    'select dimensions, chunking from quarry.embedding_spaces where space_id = $1',
    [id],
  )
  const [space] = found.rows
  if (space === undefined) throw new QuarryError('internal', `there is no embedding space "${id}"`)
  if (space.chunking !== chunking)
    throw new QuarryError(
      'internal',
      `space "${id}" is of chunking "${space.chunking}", not of "${chunking}"`,
    )
  for (const { chunks } of documents) {
    const wrong = chunks.find((chunk) => chunk.vector.length !== space.dimensions)
    if (wrong !== undefined)
      throw new QuarryError(
        'internal',
        `chunk ${wrong.ordinal} has ${wrong.vector.length} dimensions, space "${id}" has ${space.dimensions}`,
      )
  }
}

async function toRows({ documents }: SpacePart): Promise<readonly ChunkInput[]> {
  const pace = createPace()
  const rows: ChunkInput[] = []
  for (const { item, chunks } of documents) {
    const inOrder = [...chunks].sort((a, b) => a.ordinal - b.ordinal)
    const idOf = createChunkIds(item.document)
    for (const chunk of inOrder) {
      rows.push(toRow(item, chunk, idOf(chunk.contentHash)))
      await pace()
    }
  }
  return rows
}

function toRow({ document }: WorkItem, chunk: PreparedChunk, id: ChunkId): ChunkInput {
  return {
    document_id: document,
    chunk_id: id,
    ordinal: chunk.ordinal,
    span_start: chunk.span.start,
    span_end: chunk.span.end,
    text: storableText(chunk.text),
    context: storableText(chunk.context),
    headings: chunk.headings.map(storableText),
    page: chunk.page,
    content_hash: chunk.contentHash,
    tokens: chunk.tokens,
  }
}

interface Place {
  readonly tenant: WorkItem['tenant']
  readonly collection: WorkItem['collection']
  readonly chunking: string
}

async function removeVanished(
  sql: Sql,
  { tenant, collection, chunking }: Place,
  { documents }: SpacePart,
  rows: readonly ChunkInput[],
): Promise<{ readonly count: number; readonly hashes: readonly string[] }> {
  const gone = await sql.query<{ content_hash: string }>(
    `with gone as (
       delete from quarry.chunks c
       using unnest($3::text[], $4::bigint[]) as d(document_id, revision)
       where c.tenant_id = $1 and c.collection_id = $2 and c.chunking = $5
         and c.document_id = d.document_id
         and not exists (select from unnest($6::text[]) as kept(chunk_id) where kept.chunk_id = c.chunk_id)
       returning c.chunk_id, c.content_hash, d.revision
     ), noted as (
       insert into quarry.changes (op, tenant_id, collection_id, chunking, chunk_id, revision)
       select 'delete', $1, $2, $5, chunk_id, revision from gone
     )
     select content_hash from gone`,
    [
      tenant,
      collection,
      documents.map(({ item }) => item.document),
      documents.map(({ item }) => item.revision),
      chunking,
      rows.map((row) => row.chunk_id),
    ],
  )
  return { count: gone.rows.length, hashes: [...new Set(gone.rows.map((row) => row.content_hash))] }
}

/** A chunk that is as it was keeps its row and its revision, and makes no change. */
async function writeChanged(
  sql: Sql,
  { tenant, collection, chunking }: Place,
  { documents }: SpacePart,
  rows: readonly ChunkInput[],
): Promise<number> {
  const written = await sql.query<{ written: bigint }>(
    `with given as (
       select c.*, n.revision, n.metadata, coalesce(d.title, n.title) as title
       from json_to_recordset($5::json) as c(document_id text, chunk_id text, ordinal integer,
         span_start integer, span_end integer, text text, context text, headings jsonb, page integer,
         content_hash text, tokens integer)
       join json_to_recordset($4::json) as n(document_id text, revision bigint, title text, metadata jsonb)
         on n.document_id = c.document_id
       join quarry.documents d
         on d.tenant_id = $1 and d.collection_id = $2 and d.document_id = c.document_id
     ), changed as (
       select g.*
       from given g
       left join quarry.chunks old
         on old.tenant_id = $1 and old.collection_id = $2 and old.chunking = $3
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
       select $1, $2, $3, chunk_id, document_id, revision, ordinal, span_start, span_end, text,
         context, title, headings, page, metadata, content_hash, tokens
       from changed
       on conflict (tenant_id, collection_id, chunking, chunk_id) do update set
         revision = excluded.revision, ordinal = excluded.ordinal,
         span_start = excluded.span_start, span_end = excluded.span_end,
         text = excluded.text, context = excluded.context, title = excluded.title,
         headings = excluded.headings, page = excluded.page, metadata = excluded.metadata,
         tokens = excluded.tokens
       returning chunk_id, revision
     ), noted as (
       insert into quarry.changes (op, tenant_id, collection_id, chunking, chunk_id, revision)
       select 'upsert', $1, $2, $3, chunk_id, revision from written
     )
     select count(*) as written from written`,
    [tenant, collection, chunking, documentsJson(documents), await rowsJson(rows)],
  )
  return Number(written.rows[0]?.written ?? 0n)
}

async function rowsJson(rows: readonly ChunkInput[]): Promise<string> {
  const pace = createPace()
  const texts: string[] = []
  for (const row of rows) {
    texts.push(JSON.stringify(row))
    await pace()
  }
  return `[${texts.join(',')}]`
}

function documentsJson(documents: readonly DocumentPart[]): string {
  const rows = documents.map(({ item, target }) => ({
    document_id: item.document,
    revision: item.revision,
    title: target.title === null ? null : storableText(target.title),
    metadata: storableMetadata(target.metadata),
  }))
  return JSON.stringify(rows)
}

/** The first part of an entry is the serving one: the document shows its title and counts its chunks. */
async function finish(sql: Sql, entries: readonly CommitEntry[]): Promise<void> {
  const [first] = entries
  if (first === undefined) return
  const { tenant, collection } = first.item
  const rows = entries.map(({ item, parts: [serving], enrichment }) => ({
    document_id: item.document,
    chunk_count: serving.chunks.length,
    plain_chunk_count: enrichment?.plainCount ?? 0,
    parsed_title: serving.target.title === null ? null : storableText(serving.target.title),
  }))
  await sql.query(
    `update quarry.documents d
     set state = 'indexed', reason = null, indexed_revision = revision, chunk_count = n.chunk_count,
       plain_chunk_count = n.plain_chunk_count,
       parsed_title = n.parsed_title, updated_at = now()
     from json_to_recordset($3::json) as n(document_id text, chunk_count integer,
       plain_chunk_count integer, parsed_title text)
     where d.tenant_id = $1 and d.collection_id = $2 and d.document_id = n.document_id`,
    [tenant, collection, JSON.stringify(rows)],
  )
}
