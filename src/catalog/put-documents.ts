import { randomBytes } from 'node:crypto'
import { QuarryError } from '../core/errors.ts'
import type { CollectionId, DocumentId, Metadata, TenantId } from '../core/model.ts'
import { canonicalJson } from './canonical-json.ts'
import type { DocumentState, Documents, NewDocument, WriteReceipt } from './catalog.ts'
import type { Database, Sql } from './database.ts'
import { hold, type Place } from './hold.ts'
import { only } from './only.ts'
import { isStorable, isStorableMetadata } from './storable.ts'

interface HashedDocument extends NewDocument {
  readonly contentHash: string
}

/** A document as it is stored and locked; revision 0 where there was none. */
interface StoredDocument {
  readonly document_id: DocumentId
  readonly revision: bigint
  readonly indexed_revision: bigint | null
  readonly state: DocumentState
  readonly plain_chunk_count: number
  readonly content_hash: string
  readonly media_type: string
  readonly title: string | null
  readonly source: string | null
  readonly metadata: Metadata
  readonly version: bigint
}

interface Write {
  readonly document: HashedDocument
  readonly stored: StoredDocument
  readonly revision: number
  readonly outcome: 'created' | 'updated' | 'unchanged'
}

export async function putDocuments(
  database: Database,
  tenant: TenantId,
  collection: CollectionId,
  documents: readonly NewDocument[],
): ReturnType<Documents['put']> {
  checkDocuments(documents)
  // Hashed on the thread pool, so that a large document does not hold the serving thread.
  const hashed = await Promise.all(
    documents.map(async (document) => ({
      ...document,
      contentHash: await sha256(document.content),
    })),
  )
  const place = { tenant, collection }
  return database.asTenant(tenant, async (sql) => {
    await hold(sql, place)
    const stored = await lockDocuments(
      sql,
      place,
      documents.map(({ id }) => id),
    )
    const writes = hashed.map((document) => decide(document, stored.get(document.id)))
    const changed = writes.filter(({ outcome }) => outcome !== 'unchanged')
    if (changed.length === 0)
      return { jobId: null, receipts: writes.map((write) => receipt(write)) }
    const { jobId, versions } = await queue(sql, place, changed)
    await store(sql, place, changed, versions)
    await sql.query(`select pg_notify('quarry_work', '')`)
    return {
      jobId,
      receipts: writes.map((write) => receipt(write, versions.get(write.document.id))),
    }
  })
}

function checkDocuments(documents: readonly NewDocument[]): void {
  const ids = new Set<string>()
  for (const { id, title, source, metadata } of documents) {
    if (ids.has(id))
      throw new QuarryError('invalid_request', `document "${id}" is in the batch more than once`)
    ids.add(id)
    const texts = isStorable(id) && isStorable(title ?? '') && isStorable(source ?? '')
    if (!texts || !isStorableMetadata(metadata))
      throw new QuarryError(
        'invalid_request',
        `id, title, source or metadata of document ${JSON.stringify(id)} holds U+0000 or half of a surrogate pair`,
      )
  }
}

async function sha256(content: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', content as Uint8Array<ArrayBuffer>)
  return Buffer.from(digest).toString('hex')
}

/**
 * Locks the documents in the order of their ids. Those that are new get an empty row first, so that two writers of the
 * same new document meet at its row, too.
 */
async function lockDocuments(
  sql: Sql,
  { tenant, collection }: Place,
  ids: readonly DocumentId[],
): Promise<Map<DocumentId, StoredDocument>> {
  await sql.query(
    `insert into quarry.documents (tenant_id, collection_id, document_id)
     select $1, $2, id from unnest($3::text[]) as given(id) order by id collate "C"
     on conflict do nothing`,
    [tenant, collection, ids],
  )
  const locked = await sql.query<StoredDocument>(
    `select document_id, revision, indexed_revision, state, plain_chunk_count, content_hash, media_type,
       title, source, metadata, version
     from quarry.documents
     where tenant_id = $1 and collection_id = $2 and document_id = any($3::text[])
     order by document_id for update`,
    [tenant, collection, ids],
  )
  return new Map(locked.rows.map((row) => [row.document_id, row]))
}

function decide(document: HashedDocument, stored: StoredDocument | undefined): Write {
  if (stored === undefined)
    throw new QuarryError('internal', `document "${document.id}" was not locked before its write`)
  const last = Number(stored.revision)
  const absent = last === 0 || stored.state === 'deleted'
  const current = absent ? 0 : last
  const expected = document.expectedRevision
  if (expected !== undefined && expected !== current)
    throw new QuarryError(
      'conflict',
      `document "${document.id}" is at revision ${current}, not at the expected ${expected}`,
      {
        details: { document_id: document.id, revision: current, expected_revision: expected },
      },
    )
  if (!absent && isSame(document, stored))
    return { document, stored, revision: last, outcome: 'unchanged' }
  return { document, stored, revision: last + 1, outcome: absent ? 'created' : 'updated' }
}

/** The same, and indexed or about to be: what failed, was cancelled or lacks contexts is queued again. */
function isSame(document: HashedDocument, stored: StoredDocument): boolean {
  const whole = stored.indexed_revision === stored.revision && stored.plain_chunk_count === 0
  const settles = stored.state === 'queued' || whole
  return (
    settles &&
    stored.state !== 'failed' &&
    stored.content_hash === document.contentHash &&
    stored.media_type === document.mediaType &&
    stored.title === document.title &&
    stored.source === document.source &&
    canonicalJson(stored.metadata) === canonicalJson(document.metadata)
  )
}

function receipt(write: Write, version = write.stored.version): WriteReceipt {
  const { document, revision, outcome } = write
  return { id: document.id, revision, outcome, version }
}

/** One job, one item a document. What still waits for an older revision is overtaken, and its waiters with it. */
async function queue(
  sql: Sql,
  { tenant, collection }: Place,
  changed: readonly Write[],
): Promise<{ jobId: string; versions: Map<DocumentId, bigint> }> {
  const jobId = generateJobId()
  await sql.query(
    'insert into quarry.jobs (tenant_id, job_id, collection_id) values ($1, $2, $3)',
    [tenant, jobId, collection],
  )
  const items = await sql.query<{ document_id: DocumentId; item_id: bigint }>(
    `with given as (
       select * from unnest($4::text[], $5::bigint[]) as given(document_id, revision)
     ), overtaken as (
       update quarry.job_items i set state = 'superseded', finished_at = now()
       from given g
       where i.tenant_id = $1 and i.collection_id = $3 and i.document_id = g.document_id
         and i.state = 'queued'
       returning i.document_id, least(i.item_id, i.covers_from) as since
     )
     insert into quarry.job_items
       (tenant_id, job_id, collection_id, document_id, revision, covers_from)
     select $1, $2, $3, g.document_id, g.revision, o.since
     from given g left join overtaken o on o.document_id = g.document_id
     order by g.document_id collate "C"
     returning document_id, item_id`,
    [
      tenant,
      jobId,
      collection,
      changed.map(({ document }) => document.id),
      changed.map(({ revision }) => revision),
    ],
  )
  return { jobId, versions: new Map(items.rows.map((row) => [row.document_id, row.item_id])) }
}

/** Sorts by time of making: 48 bits of milliseconds, then 80 random ones. */
function generateJobId(): string {
  return `job_${Date.now().toString(16).padStart(12, '0')}${randomBytes(10).toString('hex')}`
}

/** All documents in one statement; their contents travel as one string of bytes, cut apart in the database. */
async function store(
  sql: Sql,
  { tenant, collection }: Place,
  changed: readonly Write[],
  versions: ReadonlyMap<DocumentId, bigint>,
): Promise<void> {
  let offset = 0
  const rows = changed.map(({ document, revision }) => {
    const start = offset + 1
    offset += document.content.byteLength
    return {
      document_id: document.id,
      start,
      bytes: document.content.byteLength,
      media_type: document.mediaType,
      title: document.title,
      source: document.source,
      metadata: document.metadata,
      revision,
      content_hash: document.contentHash,
      version: String(versions.get(document.id)),
    }
  })
  const stored = await sql.query(
    `update quarry.documents d
     set content = substring($4::bytea from n.start for n.bytes), media_type = n.media_type,
       title = n.title, parsed_title = null, source = n.source, metadata = n.metadata,
       revision = n.revision, content_hash = n.content_hash, state = 'queued', reason = null,
       version = n.version, updated_at = now(),
       created_at = case when d.state = 'deleted' then now() else d.created_at end
     from json_to_recordset($3::json) as n(document_id text, start integer, bytes integer,
       media_type text, title text, source text, metadata jsonb, revision bigint,
       content_hash text, version bigint)
     where d.tenant_id = $1 and d.collection_id = $2 and d.document_id = n.document_id
     returning true as stored`,
    [tenant, collection, JSON.stringify(rows), contents(changed)],
  )
  if (stored.rows.length !== changed.length)
    throw new QuarryError('internal', `stored ${stored.rows.length} of ${changed.length} documents`)
}

function contents(changed: readonly Write[]): Uint8Array {
  return changed.length === 1
    ? only(changed).document.content
    : Buffer.concat(changed.map(({ document }) => document.content))
}
