import pg from 'pg'
import { QuarryError } from '../../../core/errors.ts'
import type { PoolLike } from '../../database.ts'
import { type Connection, type Connections, POOL_SEARCH_PATH } from '../connection.ts'
import { createListener } from './postgres-listener.ts'

export interface PostgresSettings {
  readonly url: string
  readonly connectionsMax: number
  readonly statementMs: number
}

const MAJOR_MIN = 15

/** One pool for the doors, the job queue and the pgvector store: `connectionsMax` and a listener are all it ever opens. */
export async function openPostgresConnections(settings: PostgresSettings): Promise<Connections> {
  const config = toConfig(settings)
  const pool = new pg.Pool(config)
  pool.on('error', () => {}) // an idle connection that drops is replaced at the next use
  const listener = createListener(config)
  let closing: Promise<void> | null = null
  const close = async () => {
    await listener.close()
    await pool.end()
  }
  try {
    checkVersion(await readVersion(pool))
  } catch (error) {
    await close()
    throw error
  }
  return {
    kind: 'postgres',
    pool: withoutEnd(pool),
    acquire: async (signal) => createConnection(await connect(pool, signal), config),
    listen: listener.listen,
    close: () => {
      closing ??= close()
      return closing
    },
  }
}

function toConfig({ url, connectionsMax, statementMs }: PostgresSettings): pg.PoolConfig {
  return {
    connectionString: url,
    max: connectionsMax,
    application_name: 'quarry',
    options: `-c search_path=${POOL_SEARCH_PATH.replaceAll(' ', '')}`,
    connectionTimeoutMillis: statementMs,
    statement_timeout: statementMs,
    idle_in_transaction_session_timeout: statementMs,
    keepAlive: true,
  }
}

interface ServerVersion {
  /** `server_version_num`: 150018 for 15.18. */
  readonly number: number
  readonly name: string
}

async function readVersion(pool: pg.Pool): Promise<ServerVersion | undefined> {
  const { rows } = await pool.query<ServerVersion>(
    "SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS name",
  )
  return rows[0]
}

/** Throws `unsupported` for a server whose SQL is older than the schema's. */
export function checkVersion(version: ServerVersion | undefined): void {
  if (version !== undefined && version.number >= MAJOR_MIN * 10_000) return
  throw new QuarryError(
    'unsupported',
    `Postgres ${version?.name ?? 'of unknown version'} is too old: ${MAJOR_MIN} or newer is needed`,
  )
}

/** A caller that gives up leaves no connection behind: the one it would have got goes back to the pool. */
async function connect(pool: pg.Pool, signal: AbortSignal | undefined): Promise<pg.PoolClient> {
  signal?.throwIfAborted()
  const connecting = pool.connect()
  if (signal === undefined) return connecting
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    connecting.then(
      (client) => {
        signal.removeEventListener('abort', onAbort)
        if (signal.aborted) client.release()
        else resolve(client)
      },
      (error: unknown) => {
        signal.removeEventListener('abort', onAbort)
        reject(error)
      },
    )
  })
}

function createConnection(client: pg.PoolClient, config: pg.ClientConfig): Connection {
  const backend = (client as pg.PoolClient & { readonly processID: number | null }).processID
  let cancelling: Promise<unknown> | null = null
  const ignore = () => {} // the failure shows in the statement under way
  client.on('error', ignore)
  return {
    query: (statement) => client.query(statement),
    inTransaction: () => client.getTransactionStatus() !== 'I',
    cancel: () => {
      cancelling ??= cancelBackend(config, backend).catch(ignore)
    },
    release: async (broken) => {
      client.removeListener('error', ignore)
      if (cancelling === null) return client.release(broken)
      // A late cancel could hit the next holder's statement, so this connection has none.
      await cancelling
      client.release(true)
    },
  }
}

/** Over a connection of its own, for the pool may be used up by just such statements. */
async function cancelBackend(config: pg.ClientConfig, backend: number | null): Promise<void> {
  const client = new pg.Client(config)
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query('SELECT pg_cancel_backend($1)', [backend])
  } finally {
    await client.end()
  }
}

/** The database owns the pool: its users' `end` must not take it from the others. */
function withoutEnd(pool: pg.Pool): PoolLike {
  return {
    query: (text, values) => pool.query(text as string, values === undefined ? [] : [...values]),
    connect: () => pool.connect() as never,
    on: (event, listener) => pool.on(event as 'error', listener as never),
    end: async () => {},
  }
}
