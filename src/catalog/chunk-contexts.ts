import type { CollectionId, DocumentId, TenantId } from '../core/model.ts'
import type { CommitEntry, WorkItem } from './catalog.ts'
import type { Sql } from './database.ts'
import { storableText } from './storable.ts'

/** What generators have written for chunks of this tenant, in any of its documents. */
export async function readContexts(
  sql: Sql,
  tenant: TenantId,
  hashes: readonly string[],
): Promise<Map<string, string>> {
  const found = await sql.query<{ context_hash: string; context: string }>(
    `select distinct on (context_hash) context_hash, context from quarry.chunk_contexts
     where tenant_id = $1 and context_hash = any($2::text[])
     order by context_hash, collection_id, document_id`,
    [tenant, hashes],
  )
  return new Map(found.rows.map((row) => [row.context_hash, row.context]))
}

/** Kept before the document is committed, since they are paid for; not for a document that was deleted meanwhile. */
export async function addContexts(
  sql: Sql,
  { tenant, collection, document }: WorkItem,
  contexts: ReadonlyMap<string, string>,
): Promise<void> {
  const held = await sql.query(
    `select from quarry.documents
     where tenant_id = $1 and collection_id = $2 and document_id = $3 and state <> 'deleted' for share`,
    [tenant, collection, document],
  )
  if (held.rowCount === 0) return
  await sql.query(
    `insert into quarry.chunk_contexts (tenant_id, collection_id, document_id, context_hash, context)
     select $1, $2, $3, hash, context from unnest($4::text[], $5::text[]) as given(hash, context)
     order by hash on conflict do nothing`,
    [tenant, collection, document, [...contexts.keys()], [...contexts.values()].map(storableText)],
  )
}

/** Of the committed documents, those that no chunk has any more. */
export async function removeUnusedContexts(
  sql: Sql,
  entries: readonly CommitEntry[],
): Promise<void> {
  for (const { item, enrichment } of entries) {
    if (enrichment === undefined) continue
    const { tenant, collection, document } = item
    await sql.query(
      `delete from quarry.chunk_contexts
       where tenant_id = $1 and collection_id = $2 and document_id = $3
         and not context_hash = any($4::text[])`,
      [tenant, collection, document, enrichment.contexts],
    )
  }
}

export async function removeContexts(
  sql: Sql,
  tenant: TenantId,
  collection: CollectionId,
  document: DocumentId,
): Promise<void> {
  await sql.query(
    `delete from quarry.chunk_contexts
     where tenant_id = $1 and collection_id = $2 and document_id = $3`,
    [tenant, collection, document],
  )
}
