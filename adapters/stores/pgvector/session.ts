import type { TenantId } from '../../../src/core/model.ts'
import { abortError } from '../../http.ts'
import { settleAtAbort } from '../../upstream.ts'
import { toQuarryError } from './errors.ts'

/** The part of `pg.Pool` that the store uses; a pool over PGlite has it too. */
export interface VectorPool {
  query(text: string, values?: readonly unknown[]): Promise<QueryResult>
  connect(): Promise<VectorPoolClient>
  end(): Promise<void>
}

export interface VectorPoolClient {
  query(text: string, values?: readonly unknown[]): Promise<QueryResult>
  release(error?: unknown): void
  /** Of the server's process, where there is one to cancel. */
  readonly processID?: number | null | undefined
}

export interface QueryResult {
  readonly rows: unknown[]
  readonly rowCount: number | null
}

export type Query = <Row>(text: string, values?: readonly unknown[]) => Promise<readonly Row[]>

/** Opens transactions: as the owner for making tables, or as one tenant under the role that row-level security binds. */
export interface Session {
  asOwner<T>(work: (query: Query) => Promise<T>, signal: AbortSignal): Promise<T>
  asTenant<T>(
    tenant: TenantId,
    settings: Readonly<Record<string, string>>,
    work: (query: Query) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T>
}

export interface SessionOptions {
  readonly pool: VectorPool
  readonly role: string
  readonly searchPath: string
  readonly statementMs: number
}

export function createSession({ pool, role, searchPath, statementMs }: SessionOptions): Session {
  // Compiling a plan takes longer than a search does.
  const common = { search_path: searchPath, statement_timeout: `${statementMs}ms`, jit: 'off' }
  return {
    asOwner: (work, signal) => transact(pool, common, work, signal),
    asTenant: (tenant, settings, work, signal) =>
      transact(pool, { ...common, ...settings, 'quarry.tenant': tenant, role }, work, signal),
  }
}

/** Settles at the abort; what is under way is cancelled and rolled back before its connection serves anybody else. */
async function transact<T>(
  pool: VectorPool,
  settings: Readonly<Record<string, string>>,
  work: (query: Query) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  if (signal.aborted) throw abortError(signal)
  return await settleAtAbort(runTransaction(pool, settings, work, signal), signal)
}

async function runTransaction<T>(
  pool: VectorPool,
  settings: Readonly<Record<string, string>>,
  work: (query: Query) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const client = await connect(pool)
  const cancellation = cancelAtAbort(pool, client, signal)
  const query: Query = async <Row>(text: string, values?: readonly unknown[]) => {
    if (signal.aborted) throw abortError(signal)
    const { rows } = await client.query(text, values)
    return rows as Row[]
  }
  let broken: unknown
  try {
    await client.query('begin')
    const names = Object.keys(settings)
    const calls = names.map((_, i) => `set_config($${2 * i + 1}, $${2 * i + 2}, true)`)
    await query(`select ${calls.join(', ')}`, Object.entries(settings).flat())
    const result = await work(query)
    await client.query('commit')
    return result
  } catch (error) {
    broken = await rollBack(client)
    throw toQuarryError(error)
  } finally {
    await cancellation.settled()
    client.release(broken)
  }
}

async function connect(pool: VectorPool): Promise<VectorPoolClient> {
  try {
    return await pool.connect()
  } catch (error) {
    throw toQuarryError(error)
  }
}

/** Undefined when the connection is fit for further use; otherwise what is wrong with it. */
async function rollBack(client: VectorPoolClient): Promise<unknown> {
  try {
    await client.query('rollback')
    return undefined
  } catch (error) {
    return error
  }
}

/**
 * Asks the server to stop what this connection runs. The connection is not released before the request has been
 * answered, so that it can never hit another caller's statement. Should the request fail, `statement_timeout` ends it.
 */
function cancelAtAbort(
  pool: VectorPool,
  client: VectorPoolClient,
  signal: AbortSignal,
): { settled: () => Promise<void> } {
  let request: Promise<unknown> | null = null
  const { processID } = client
  const cancel = (): void => {
    request = pool.query('select pg_cancel_backend($1)', [processID]).catch(() => {})
  }
  if (typeof processID === 'number') signal.addEventListener('abort', cancel, { once: true })
  return {
    settled: async () => {
      signal.removeEventListener('abort', cancel)
      await request
    },
  }
}
