import { QuarryError } from '../core/errors.ts'
import type { Limits } from '../core/limits.ts'
import type { CollectionId, DocumentId, TenantId } from '../core/model.ts'
import { createPace } from '../core/pace.ts'
import type { Database, Sql } from './database.ts'
import { hold, type Place } from './hold.ts'
import { only } from './only.ts'
import { isStorable } from './storable.ts'

export const GOLDEN_SOURCES = ['manual', 'imported', 'promoted'] as const
export type GoldenSource = (typeof GOLDEN_SOURCES)[number]

/** A question with the documents that somebody judged for it. */
export interface NewGoldenQuery {
  readonly id: string
  readonly query: string
  /** Grades by document id, from 0: judged irrelevant. Documents may come and go; a judgment stays. */
  readonly relevant: Readonly<Record<string, number>>
  readonly note: string | null
  readonly tags: readonly string[]
  readonly source: GoldenSource
  /** Of the retrieval whose hits were judged. */
  readonly retrievalId: string | null
}

export interface GoldenQuery extends NewGoldenQuery {
  readonly createdAt: Date
  readonly updatedAt: Date
}

export interface GoldenPage {
  readonly after: string | null
  readonly count: number
  readonly tag?: string | undefined
  readonly source?: GoldenSource | undefined
}

export interface GoldenQueries {
  /**
   * Creates or replaces by id, all in one transaction; gives back the ids that were not there before. `not_found` for
   * an unknown collection, `conflict` above the limit of what a collection keeps, and with `onlyNew` for an id that is
   * taken.
   */
  put(
    tenant: TenantId,
    collection: CollectionId,
    queries: readonly NewGoldenQuery[],
    options?: { readonly onlyNew?: boolean },
  ): Promise<ReadonlySet<string>>
  get(tenant: TenantId, collection: CollectionId, id: string): Promise<GoldenQuery | null>
  list(
    tenant: TenantId,
    collection: CollectionId,
    page: GoldenPage,
  ): Promise<readonly GoldenQuery[]>
  /** False when there is none. */
  remove(tenant: TenantId, collection: CollectionId, id: string): Promise<boolean>
  count(tenant: TenantId, collection: CollectionId): Promise<number>
  /** So many ids, the same ones as long as the queries are: picked by their hashes, so that two evals ask the same. */
  sample(tenant: TenantId, collection: CollectionId, count: number): Promise<readonly string[]>
  /** In the order of ids; those that are gone are not among them. */
  getMany(
    tenant: TenantId,
    collection: CollectionId,
    ids: readonly string[],
  ): Promise<readonly GoldenQuery[]>
  /** Of these ids, those that the tenant has no document of in the collection, in the order given. */
  missingDocuments(
    tenant: TenantId,
    collection: CollectionId,
    ids: readonly string[],
  ): Promise<readonly DocumentId[]>
}

export type GoldenLimits = Pick<Limits, 'goldenQueries'>

export function openGoldenQueries(database: Database, limits: GoldenLimits): GoldenQueries {
  return {
    put: async (tenant, collection, queries, { onlyNew = false } = {}) => {
      const batches = await batchesOf(queries)
      return database.asTenant(tenant, async (sql) => {
        const place = { tenant, collection }
        await holdAlone(sql, place)
        const created = await upsert(sql, place, batches)
        if (onlyNew) refuseReplaced(queries, created)
        if (created.size > 0) await refuseTooMany(sql, place, limits.goldenQueries)
        return created
      })
    },
    get: (tenant, collection, id) =>
      database.asTenant(tenant, async (sql) => {
        const found = await sql.query<GoldenColumns>(
          `${SELECT} where tenant_id = $1 and collection_id = $2 and query_id = $3`,
          [tenant, collection, id],
        )
        return found.rows[0] === undefined ? null : toGoldenQuery(found.rows[0])
      }),
    list: (tenant, collection, { after, count, tag, source }) =>
      database.asTenant(tenant, async (sql) => {
        const found = await sql.query<GoldenColumns>(
          `${SELECT} where tenant_id = $1 and collection_id = $2 and ($3::text is null or query_id > $3)
             and ($4::text is null or $4 = any(tags)) and ($5::text is null or source = $5)
           order by query_id limit $6`,
          [tenant, collection, after, tag ?? null, source ?? null, count],
        )
        return found.rows.map(toGoldenQuery)
      }),
    remove: (tenant, collection, id) =>
      database.asTenant(tenant, async (sql) => {
        const gone = await sql.query(
          'delete from quarry.golden_queries where tenant_id = $1 and collection_id = $2 and query_id = $3',
          [tenant, collection, id],
        )
        return gone.rowCount > 0
      }),
    count: (tenant, collection) =>
      database.asTenant(tenant, (sql) => count(sql, { tenant, collection })),
    sample: (tenant, collection, sampled) =>
      database.asTenant(tenant, async (sql) => {
        const found = await sql.query<{ query_id: string }>(
          `select query_id from quarry.golden_queries where tenant_id = $1 and collection_id = $2
           order by md5(query_id), query_id limit $3`,
          [tenant, collection, sampled],
        )
        return found.rows.map(({ query_id }) => query_id)
      }),
    getMany: (tenant, collection, ids) =>
      database.asTenant(tenant, async (sql) => {
        const found = await sql.query<GoldenColumns>(
          `${SELECT} where tenant_id = $1 and collection_id = $2 and query_id = any($3::text[])
           order by query_id`,
          [tenant, collection, ids],
        )
        return found.rows.map(toGoldenQuery)
      }),
    missingDocuments: (tenant, collection, ids) =>
      missingDocuments(database, { tenant, collection }, ids),
  }
}

interface GoldenColumns {
  readonly query_id: string
  readonly query: string
  readonly relevant: Readonly<Record<string, number>>
  readonly note: string | null
  readonly tags: readonly string[]
  readonly source: GoldenSource
  readonly retrieval_id: string | null
  readonly created_at: Date
  readonly updated_at: Date
}

const SELECT = `select query_id, query, relevant, note, tags, source, retrieval_id, created_at, updated_at
  from quarry.golden_queries`

function toGoldenQuery(row: GoldenColumns): GoldenQuery {
  return {
    id: row.query_id,
    query: row.query,
    relevant: row.relevant,
    note: row.note,
    tags: row.tags,
    source: row.source,
    retrievalId: row.retrieval_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

/** Up to here one statement takes little enough time of the embedded database, which does nothing else meanwhile. */
const BATCH_CHARS = 512 * 1024

/** The queries as JSON arrays for one statement each. */
async function batchesOf(queries: readonly NewGoldenQuery[]): Promise<readonly string[]> {
  const pace = createPace()
  const ids = new Set<string>()
  const batches: string[] = []
  let parts: string[] = []
  let chars = 0
  for (const query of queries) {
    checkQuery(query)
    if (ids.has(query.id))
      throw new QuarryError(
        'invalid_request',
        `the golden query ${JSON.stringify(query.id)} is there twice`,
      )
    ids.add(query.id)
    const part = JSON.stringify(query)
    parts.push(part)
    chars += part.length
    if (chars > BATCH_CHARS) {
      batches.push(`[${parts.join(',')}]`)
      parts = []
      chars = 0
    }
    await pace()
  }
  if (parts.length > 0) batches.push(`[${parts.join(',')}]`)
  return batches
}

function checkQuery({ id, query, relevant, note, tags, retrievalId }: NewGoldenQuery): void {
  const texts = [id, query, note ?? '', retrievalId ?? '', ...tags, ...Object.keys(relevant)]
  if (!texts.every(isStorable))
    throw new QuarryError(
      'invalid_request',
      `golden query ${JSON.stringify(id)} holds U+0000 or half of a surrogate pair`,
    )
}

/** Against other writers of golden queries, too, so that together they keep the limit. */
async function holdAlone(sql: Sql, place: Place): Promise<void> {
  await hold(sql, place)
  await sql.query('select from quarry.tenants where tenant_id = $1 for no key update', [
    place.tenant,
  ])
}

async function upsert(
  sql: Sql,
  { tenant, collection }: Place,
  batches: readonly string[],
): Promise<ReadonlySet<string>> {
  const created = new Set<string>()
  for (const batch of batches) {
    const written = await sql.query<{ query_id: string; created: boolean }>(
      `insert into quarry.golden_queries
         (tenant_id, collection_id, query_id, query, relevant, note, tags, source, retrieval_id)
       select $1, $2, id, query, relevant, note, tags, source, "retrievalId"
       from jsonb_to_recordset($3::jsonb) as given(id text, query text, relevant jsonb, note text,
         tags text[], source text, "retrievalId" text)
       on conflict (tenant_id, collection_id, query_id) do update set
         query = excluded.query, relevant = excluded.relevant, note = excluded.note,
         tags = excluded.tags, source = excluded.source, retrieval_id = excluded.retrieval_id,
         updated_at = now()
       returning query_id, xmax = 0 as created`,
      [tenant, collection, batch],
    )
    for (const row of written.rows) if (row.created) created.add(row.query_id)
  }
  return created
}

function refuseReplaced(queries: readonly NewGoldenQuery[], created: ReadonlySet<string>): void {
  const taken = queries.find(({ id }) => !created.has(id))
  if (taken !== undefined)
    throw new QuarryError(
      'conflict',
      `there is a golden query ${JSON.stringify(taken.id)} already: PUT replaces it`,
    )
}

async function refuseTooMany(sql: Sql, place: Place, queriesMax: number): Promise<void> {
  const kept = await count(sql, place)
  if (kept > queriesMax)
    throw new QuarryError(
      'conflict',
      `${kept} golden queries would be more than the ${queriesMax} that a tenant may keep in one collection: delete some, or raise limits.golden_queries`,
    )
}

async function count(sql: Sql, { tenant, collection }: Place): Promise<number> {
  const counted = await sql.query<{ kept: number }>(
    `select count(*)::integer as kept from quarry.golden_queries
     where tenant_id = $1 and collection_id = $2`,
    [tenant, collection],
  )
  return only(counted.rows).kept
}

/** So many ids are looked up in one statement: the embedded database does nothing else meanwhile. */
const LOOKED_UP = 5_000

async function missingDocuments(
  database: Database,
  { tenant, collection }: Place,
  ids: readonly string[],
): Promise<readonly DocumentId[]> {
  const missing: DocumentId[] = []
  for (let from = 0; from < ids.length; from += LOOKED_UP) {
    const found = await database.asTenant(tenant, (sql) =>
      sql.query<{ id: DocumentId }>(
        `select id from unnest($3::text[]) with ordinality as asked(id, place)
         where not exists (
           select from quarry.documents
           where tenant_id = $1 and collection_id = $2 and document_id = asked.id
             and state <> 'deleted')
         order by place`,
        [tenant, collection, ids.slice(from, from + LOOKED_UP)],
      ),
    )
    for (const { id } of found.rows) missing.push(id)
  }
  return missing
}
