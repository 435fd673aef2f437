import { QuarryError } from '../../../src/core/errors.ts'
import type { ChunkId, IndexRef, LegResult, Scope } from '../../../src/core/model.ts'
import type {
  DenseQuery,
  IndexedChunk,
  IndexSpec,
  StoreCapabilities,
  VectorStore,
} from '../../../src/core/vector-store.ts'
import { install } from './install.ts'
import { type PgvectorOptions, pgvectorOptions } from './options.ts'
import { createTableRegistry, type KnownTable, type TableRegistry } from './registry.ts'
import { checkVector, encodeRows, newestById } from './rows.ts'
import { searchByIndex, searchExactly } from './search.ts'
import { createSession, type Query, type Session, type VectorPool } from './session.ts'
import { DIMENSIONS_MAX } from './tables.ts'

const CAPABILITIES: StoreCapabilities = {
  algorithms: ['auto', 'flat', 'hnsw', 'ivf_flat'],
  metrics: ['cosine', 'dot', 'l2'],
  dimensionsMax: DIMENSIONS_MAX,
  batchMax: 500,
  exactAlgorithms: ['flat'],
  residence: 'shared',
}

/** Of an `auto` index; the most that pgvector takes. */
const EF_SEARCH = 100
const EF_SEARCH_MAX = 1_000
const LIST_PAGE = 1_000
/** How long a tenant's size may be taken for known. */
const SIZE_MS = 10_000
const SIZES_MAX = 10_000

/**
 * A dense index in Postgres. Without a pool it opens one of its own on `options.url` and closes it with the store; a
 * pool that is handed in stays the caller's.
 */
export async function openPgvectorStore(
  options: PgvectorOptions & { readonly pool?: VectorPool | undefined },
): Promise<VectorStore> {
  const { pool: given, ...rest } = options
  const settings = pgvectorOptions.parse(rest)
  const pool = given ?? (await openPool(settings.url?.reveal(), settings.connections))
  try {
    const searchPath = await install(pool, settings.schema)
    const { schema } = settings
    const session = createSession({
      pool,
      role: schema,
      searchPath,
      statementMs: settings.statement_ms,
    })
    const registry = createTableRegistry(session, schema)
    const close = given === undefined ? () => pool.end() : async () => {}
    return new PgvectorStore(session, registry, settings.exact_rows_max, close)
  } catch (error) {
    if (given === undefined) await pool.end()
    throw error
  }
}

async function openPool(url: string | undefined, connections: number): Promise<VectorPool> {
  if (url === undefined)
    throw new QuarryError('invalid_request', 'pgvector needs a url, or the catalog in Postgres')
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({ connectionString: url, max: connections, keepAlive: true })
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => {})
  return pool
}

class PgvectorStore implements VectorStore {
  readonly name = 'pgvector'
  readonly capabilities = CAPABILITIES
  readonly #session: Session
  readonly #registry: TableRegistry
  readonly #exactRowsMax: number
  readonly #close: () => Promise<void>
  readonly #sizes = new Map<string, { readonly rows: number; readonly until: number }>()

  constructor(
    session: Session,
    registry: TableRegistry,
    exactRowsMax: number,
    close: () => Promise<void>,
  ) {
    this.#session = session
    this.#registry = registry
    this.#exactRowsMax = exactRowsMax
    this.#close = close
  }

  async createIndex(ref: IndexRef, spec: IndexSpec, signal: AbortSignal): Promise<void> {
    await this.#registry.create(ref, spec, signal)
  }

  async dropIndex(ref: IndexRef, signal: AbortSignal): Promise<void> {
    await this.#registry.drop(ref, signal)
  }

  async upsert(scope: Scope, chunks: readonly IndexedChunk[], signal: AbortSignal): Promise<void> {
    const table = await this.#registry.get(scope, signal)
    for (const { vector } of chunks) checkVector(vector, table.dense)
    const rows = newestById(chunks)
    if (rows.length === 0) return
    await this.#run(scope, {}, signal, async (query) => {
      for await (const columns of encodeRows(rows, table.dense, CAPABILITIES.batchMax))
        await query(upsertSql(table.name), [scope.tenant, ...columns])
    })
    this.#sizes.delete(sizeKey(table, scope))
    await this.#registry.noteGrowth(scope, table, rows.length, signal)
  }

  async deleteChunks(scope: Scope, ids: readonly ChunkId[], signal: AbortSignal): Promise<void> {
    const { name } = await this.#registry.get(scope, signal)
    if (ids.length === 0) return
    const sql = `delete from ${name} where tenant_id = $1::text and chunk_id = any($2::text[])`
    await this.#run(scope, {}, signal, (query) => query(sql, [scope.tenant, ids]))
  }

  async deleteTenant(scope: Scope, signal: AbortSignal): Promise<void> {
    const { name } = await this.#registry.get(scope, signal)
    const sql = `delete from ${name} where tenant_id = $1::text`
    await this.#run(scope, {}, signal, (query) => query(sql, [scope.tenant]))
  }

  async *listChunkIds(scope: Scope, signal: AbortSignal): AsyncGenerator<ChunkId> {
    const { name } = await this.#registry.get(scope, signal)
    const sql = `select chunk_id as id from ${name}
      where tenant_id = $1::text and chunk_id > $2::text order by chunk_id limit ${LIST_PAGE}`
    let after = ''
    for (;;) {
      const page = await this.#run(scope, {}, signal, (query) =>
        query<{ readonly id: ChunkId }>(sql, [scope.tenant, after]),
      )
      for (const { id } of page) yield id
      const last = page.at(-1)
      if (last === undefined || page.length < LIST_PAGE) return
      after = last.id
    }
  }

  async searchDense(scope: Scope, query: DenseQuery, signal: AbortSignal): Promise<LegResult> {
    const table = await this.#registry.get(scope, signal)
    checkVector(query.vector, table.dense)
    if (query.k < 1) return { candidates: [], underFilled: null }
    const settings = searchSettings(table, query.k)
    return await this.#run(scope, settings, signal, async (sql) => {
      const exact =
        table.ann === null || !table.annReady || (await this.#isSmall(sql, table, scope))
      return exact
        ? await searchExactly(sql, table, scope, query)
        : await searchByIndex(sql, table, scope, query)
    })
  }

  async checkHealth(signal: AbortSignal): Promise<void> {
    await this.#session.asOwner((query) => query('select 1'), signal)
  }

  async close(): Promise<void> {
    await this.#close()
  }

  async #run<T>(
    scope: Scope,
    settings: Readonly<Record<string, string>>,
    signal: AbortSignal,
    work: (query: Query) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#session.asTenant(scope.tenant, settings, work, signal)
    } catch (error) {
      // Another process may have dropped the index or made it anew.
      if (error instanceof QuarryError && !error.retryable) this.#registry.forget(scope)
      throw error
    }
  }

  /** Counts no further than it must, and believes the count for a while. */
  async #isSmall(sql: Query, table: KnownTable, scope: Scope): Promise<boolean> {
    if (this.#exactRowsMax === 0) return false
    const key = sizeKey(table, scope)
    const known = this.#sizes.get(key)
    if (known !== undefined && known.until > performance.now())
      return known.rows <= this.#exactRowsMax
    const [row] = await sql<{ readonly rows: number }>(
      `select count(*)::int as rows from (
         select 1 from ${table.name} where tenant_id = $1::text limit $2::int) as bounded`,
      [scope.tenant, this.#exactRowsMax + 1],
    )
    const rows = row?.rows ?? 0
    if (this.#sizes.size >= SIZES_MAX) this.#sizes.clear()
    this.#sizes.set(key, { rows, until: performance.now() + SIZE_MS })
    return rows <= this.#exactRowsMax
  }
}

function sizeKey({ name }: KnownTable, { tenant }: Scope): string {
  return JSON.stringify([name, tenant])
}

function upsertSql(table: string): string {
  return `insert into ${table} as stored
      (tenant_id, chunk_id, document_id, revision, metadata, instants, embedding)
    select $1::text, chunk_id, document_id, revision, metadata::jsonb, instants::jsonb, embedding::vector
    from unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[])
      as given(chunk_id, document_id, revision, metadata, instants, embedding)
    on conflict (tenant_id, chunk_id) do update set
      document_id = excluded.document_id, revision = excluded.revision, metadata = excluded.metadata,
      instants = excluded.instants, embedding = excluded.embedding
    where excluded.revision >= stored.revision`
}

/**
 * How far the approximate index looks. Sorting is off so that the planner, which cannot guess what a filter lets
 * through, takes the index; an exact search sorts all the same, having no other way.
 */
function searchSettings({ dense, ann }: KnownTable, k: number): Readonly<Record<string, string>> {
  const { algorithm } = dense
  const common = { enable_seqscan: 'off', enable_sort: 'off' }
  if (ann === null) return {}
  if (ann.method === 'ivfflat') {
    const probes = algorithm.kind === 'ivf_flat' ? Math.min(algorithm.probes, algorithm.lists) : 1
    return { ...common, 'ivfflat.probes': `${probes}`, 'ivfflat.iterative_scan': 'relaxed_order' }
  }
  const efSearch = algorithm.kind === 'hnsw' ? algorithm.efSearch : EF_SEARCH
  const wide = Math.min(EF_SEARCH_MAX, Math.max(efSearch, k))
  return { ...common, 'hnsw.ef_search': `${wide}`, 'hnsw.iterative_scan': 'strict_order' }
}
