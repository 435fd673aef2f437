import type {
  Catalog,
  Collection,
  NewDocument,
  PreparedChunk,
  WorkItem,
  WorkTarget,
} from '../../src/catalog/catalog.ts'
import type { Database } from '../../src/catalog/database.ts'
import { openCatalog } from '../../src/catalog/open-catalog.ts'
import { collectionPolicySchema } from '../../src/catalog/policy.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import type { CollectionId, DocumentId, TenantId } from '../../src/core/model.ts'
import { openTestDatabase } from './database.ts'

export const DOCS = 'docs' as CollectionId
export const ACME = 'acme' as TenantId
export const BETA = 'beta' as TenantId
export const CHUNKING = 'chunking-1'

export const documentId = (id: string) => id as DocumentId

export interface CatalogWorld {
  readonly database: Database
  readonly catalog: Catalog
  readonly docs: Collection
  /** Empties every table, then makes the collection `docs` again: much quicker than another database. */
  reset(): Promise<void>
  /** Puts one document and gives back its live item. */
  queue(tenant: TenantId, document: NewDocument): Promise<WorkItem>
  /** Commits chunks cut from these texts for the item. */
  index(item: WorkItem, texts: readonly string[], metadata?: WorkItemMetadata): Promise<boolean>
  close(): Promise<void>
}

type WorkItemMetadata = NewDocument['metadata']

export async function openCatalogWorld(kind: 'pglite' | 'postgres'): Promise<CatalogWorld> {
  const database = await openTestDatabase(kind)
  const catalog = openCatalog(database, DEFAULT_LIMITS)
  const docs = await createCollection(catalog, DOCS)
  return {
    database,
    catalog,
    docs,
    reset: async () => {
      await database.pool.query(`truncate quarry.tenants, quarry.collections, quarry.api_keys,
        quarry.vectors, quarry.changes, quarry.usage, quarry.audit_log, quarry.idempotency_keys cascade`)
      await createCollection(catalog, DOCS)
    },
    queue: async (tenant, document) => {
      const { receipts } = await catalog.documents.put(tenant, DOCS, [document])
      const [item] = await catalog.work.load([receipts[0]?.version ?? 0n])
      if (item === undefined) throw new Error(`nothing was queued for ${document.id}`)
      return item
    },
    index: (item, texts, metadata = {}) =>
      commitOne(catalog, item, { ...targetOf(docs), metadata }, chunks(texts)),
    close: () => database.close(),
  }
}

/** Commits one document in one space; false when it was overtaken. */
export async function commitOne(
  catalog: Pick<Catalog, 'work'>,
  item: WorkItem,
  target: WorkTarget,
  given: readonly PreparedChunk[],
): Promise<boolean> {
  const settled = await catalog.work.commit([{ item, parts: [{ target, chunks: given }] }])
  return settled.has(item.id)
}

/** A golden query, and an eval with its result. */
export async function addEvaluation(
  { database }: Pick<CatalogWorld, 'database'>,
  tenant: TenantId,
): Promise<void> {
  await database.asTenant(tenant, async (sql) => {
    await sql.query(
      `insert into quarry.golden_queries (tenant_id, collection_id, query_id, query, relevant)
       values ($1, $2, 'q', 'what?', '{}')`,
      [tenant, DOCS],
    )
    await sql.query(
      `insert into quarry.evals
         (tenant_id, eval_id, collection_id, request, queries_total, lease_holder, lease_until)
       values ($1, 'e', $2, '{}', 1, 'nobody', now())`,
      [tenant, DOCS],
    )
    await sql.query(`insert into quarry.eval_queries values ($1, 'e', 'q', 'what?', '{}')`, [
      tenant,
    ])
  })
}

export const targetOf = (collection: Collection) => ({
  space: collection.serving.space.id,
  chunking: collection.serving.space.chunking,
  title: null,
  metadata: {},
})

export async function createCollection(catalog: Catalog, id: CollectionId): Promise<Collection> {
  const { collection } = await catalog.collections.create(newCollection(id))
  return collection
}

export const newCollection = (id: CollectionId) => ({
  id,
  policy: collectionPolicySchema.parse({ embedder: 'hashed' }),
  space: {
    name: 'hashed@1:2',
    embedder: 'hashed',
    dimensions: 2,
    chunking: CHUNKING,
    identity: { model: 'hashed', dimensions: 2 },
  },
  store: 'local',
  spec: { dense: null, lexical: null },
})

export function newDocument(
  id: string,
  text: string,
  more: Partial<NewDocument> = {},
): NewDocument {
  return {
    id: documentId(id),
    content: new TextEncoder().encode(text),
    mediaType: 'text/plain',
    title: null,
    source: null,
    metadata: {},
    ...more,
  }
}

/** Each text is a chunk; its vector and hash follow from the text. */
export function chunks(texts: readonly string[]): PreparedChunk[] {
  let start = 0
  return texts.map((text, ordinal) => {
    const span = { start, end: start + text.length }
    start = span.end
    return {
      ordinal,
      span,
      text,
      context: '',
      headings: ['Heading'],
      page: null,
      tokens: 1,
      contentHash: `hash of ${text}`,
      vector: Float32Array.of(text.length, 0.5),
    }
  })
}
