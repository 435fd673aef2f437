import pg from 'pg'
import { QuarryError } from '../../core/errors.ts'
import type { TenantId } from '../../core/model.ts'
import type { Database, Sql, SqlResult, SqlValue, TransactionOptions } from '../database.ts'
import type { Connection, Connections } from './connection.ts'
import { describeFailure } from './database-errors.ts'
import { catalogTypes } from './sql-types.ts'

type Doors = Pick<Database, 'asTenant' | 'asSystem'>

/** The two ways to the catalog's rows: one transaction each, under a role that row-level security binds. */
export function createDoors(connections: Connections): Doors {
  return {
    asTenant: async (tenant, work, options) =>
      transact(connections, tenantSettings(tenant), work, options),
    asSystem: (work, options) => transact(connections, SYSTEM_SETTINGS, work, options),
  }
}

const SETTINGS = `SET LOCAL search_path = quarry, public; SET LOCAL TimeZone = 'UTC'`
const SYSTEM_SETTINGS = `BEGIN; ${SETTINGS}; SET LOCAL ROLE quarry_system; SET LOCAL quarry.tenant = ''`

function tenantSettings(tenant: TenantId): string {
  if (tenant === '' || tenant.includes('\0')) {
    throw new QuarryError('invalid_request', 'a tenant id is not empty and holds no NUL character')
  }
  return `BEGIN; ${SETTINGS}; SET LOCAL ROLE quarry_tenant; SET LOCAL quarry.tenant = ${pg.escapeLiteral(tenant)}`
}

async function transact<T>(
  connections: Connections,
  settings: string,
  work: (sql: Sql) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  const { signal } = options
  signal?.throwIfAborted()
  const connection = await acquire(connections, signal)
  const running = runTransaction(connection, settings, work, signal)
  return signal === undefined ? running : untilAborted(running, connection, signal)
}

async function acquire(
  connections: Connections,
  signal: AbortSignal | undefined,
): Promise<Connection> {
  try {
    return await connections.acquire(signal)
  } catch (error) {
    signal?.throwIfAborted()
    throw describeFailure(error)
  }
}

async function runTransaction<T>(
  connection: Connection,
  settings: string,
  work: (sql: Sql) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const statements = openStatements(connection, signal)
  let broken = true
  try {
    await statements.run(settings)
    const result = await work(statements)
    await statements.commit()
    broken = false
    return result
  } catch (error) {
    broken = !(await rollBack(connection))
    throw error
  } finally {
    statements.close()
    await connection.release(broken)
  }
}

/** False when not even that works, so that the connection is not handed to anybody else. */
async function rollBack(connection: Connection): Promise<boolean> {
  return connection.query({ text: 'ROLLBACK' }).then(
    () => true,
    () => false,
  )
}

/** Statements of one transaction; refused once it is over, so that none can slip into somebody else's. */
function openStatements(connection: Connection, signal: AbortSignal | undefined) {
  let open = true
  const run = async (text: string, values?: readonly SqlValue[]) => {
    if (!open) throw new QuarryError('internal', 'a statement came after its transaction had ended')
    signal?.throwIfAborted()
    const statement = { text, types: catalogTypes }
    const result = await connection
      .query(values === undefined ? statement : { ...statement, values: [...values] })
      .catch((error: unknown) => {
        throw describeFailure(error)
      })
    return lastOf(result)
  }
  const query = async <Row>(
    text: string,
    values?: readonly SqlValue[],
  ): Promise<SqlResult<Row>> => {
    const result = await run(text, values)
    return { rows: result.rows as readonly Row[], rowCount: result.rowCount ?? 0 }
  }
  const commit = async () => {
    const { command } = await run('COMMIT')
    if (command !== 'COMMIT') {
      throw new QuarryError(
        'internal',
        'the transaction was rolled back: a statement in it had failed',
      )
    }
  }
  return {
    query,
    run,
    commit,
    close: () => {
      open = false
    },
  }
}

/** Several statements in one text give one result each. */
function lastOf(result: pg.QueryResult | pg.QueryResult[]): pg.QueryResult {
  const last = Array.isArray(result) ? result.at(-1) : result
  if (last === undefined) throw new QuarryError('internal', 'the statement text was empty')
  return last
}

/** Lets the caller go at its signal. The transaction is rolled back in the background unless it had just committed. */
async function untilAborted<T>(
  running: Promise<T>,
  connection: Connection,
  signal: AbortSignal,
): Promise<T> {
  let stop = () => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => {
      reject(signal.reason)
      connection.cancel()
    }
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
  })
  try {
    return await Promise.race([running, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
    running.catch(() => {})
  }
}
