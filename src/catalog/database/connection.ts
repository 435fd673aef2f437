import type { QueryConfig, QueryResult } from 'pg'
import type { PoolLike } from '../database.ts'

/** One session for one caller at a time, from `acquire` to `release`. Errors are the driver's own. */
export interface Connection {
  query(statement: QueryConfig): Promise<QueryResult>
  /** As the database itself said after the last statement. */
  inTransaction(): boolean
  /** Asks the server to give up the statement under way. Does nothing where that is not possible. */
  cancel(): void
  /** Rolls an open transaction back. A broken connection is thrown away instead of handed on. */
  release(broken: boolean): Promise<void>
}

/** What PGlite and Postgres differ in; the doors stand on this. */
export interface Connections {
  readonly kind: 'pglite' | 'postgres'
  readonly pool: PoolLike
  acquire(signal?: AbortSignal): Promise<Connection>
  listen(channel: string, onNotice: (payload: string) => void): Promise<() => Promise<void>>
  /** Idempotent. */
  close(): Promise<void>
}

/** Unqualified names of statements outside the doors belong to the job queue; pgvector's type lives in `public`. */
export const POOL_SEARCH_PATH = 'bullmq, public'
