import type { TenantId } from '../core/model.ts'

export type SqlValue =
  | string
  | number
  | bigint
  | boolean
  | Date
  | Uint8Array
  | null
  | readonly unknown[]
  | object

export interface SqlResult<Row> {
  readonly rows: readonly Row[]
  readonly rowCount: number
}

/** Runs parameterised statements inside one open transaction. bigint columns come back as `bigint`, bytea as Uint8Array, jsonb parsed. */
export interface Sql {
  query<Row = Record<string, unknown>>(
    text: string,
    parameters?: readonly SqlValue[],
  ): Promise<SqlResult<Row>>
}

export interface TransactionOptions {
  /** The caller stops waiting when it aborts; on Postgres the statement is cancelled too. */
  readonly signal?: AbortSignal | undefined
}

/**
 * The catalog's database: PGlite in a worker thread, or Postgres. All work goes through one of two doors, each a
 * transaction under a role that is no superuser and owns nothing. Both commit durably before they resolve.
 */
export interface Database {
  readonly kind: 'pglite' | 'postgres'
  /** Role `quarry_tenant`: row-level security shows and takes this tenant's rows only. */
  asTenant<T>(
    tenant: TenantId,
    work: (sql: Sql) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T>
  /** Role `quarry_system`: every tenant's rows, for appliers, workers and the key lookup. Never for a caller's own SQL. */
  asSystem<T>(work: (sql: Sql) => Promise<T>, options?: TransactionOptions): Promise<T>
  /** Calls back on NOTIFY; returns the way to stop. Missed notices are possible, so listeners also poll. */
  listen(channel: string, onNotice: (payload: string) => void): Promise<() => Promise<void>>
  /** The shape of a node-postgres Pool, serialised from BEGIN to COMMIT on PGlite: for BullMQ and the pgvector store. */
  readonly pool: PoolLike
  checkHealth(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** The part of `pg.Pool` that the job queue and the pgvector store use. */
export interface PoolLike {
  query(
    text: string | object,
    values?: readonly unknown[],
  ): Promise<{ rows: unknown[]; rowCount: number | null }>
  connect(): Promise<PoolClientLike>
  on(event: string, listener: (...values: never[]) => void): unknown
  end(): Promise<void>
}

export interface PoolClientLike {
  query(
    text: string | object,
    values?: readonly unknown[],
  ): Promise<{ rows: unknown[]; rowCount: number | null }>
  on(event: string, listener: (...values: never[]) => void): unknown
  removeListener(event: string, listener: (...values: never[]) => void): unknown
  release(error?: unknown): void
}
