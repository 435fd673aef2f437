import type { Limits } from '../../core/limits.ts'
import type { Database } from '../database.ts'
import { applySteps, type SchemaStep } from './apply-steps.ts'
import type { Connections } from './connection.ts'
import { describeFailure } from './database-errors.ts'
import { createDoors } from './doors.ts'
import { checkIsolation } from './isolation.ts'
import { openPgliteConnections } from './pglite/pglite-connections.ts'
import { openPostgresConnections } from './postgres/postgres-connections.ts'

export type { SchemaStep } from './apply-steps.ts'

export type DatabaseOptions =
  | {
      readonly kind: 'pglite'
      /** Null keeps everything in memory, for tests. */
      readonly dataDir: string | null
      readonly steps: readonly SchemaStep[]
      readonly limits: Pick<Limits, 'statementMs' | 'databaseWaitMs'>
      /** A dumped data folder to start an in-memory database from. */
      readonly image?: Uint8Array | undefined
      readonly signal?: AbortSignal | undefined
    }
  | {
      readonly kind: 'postgres'
      readonly url: string
      readonly limits: Pick<Limits, 'statementMs' | 'databaseConnections'>
      readonly steps: readonly SchemaStep[]
      readonly signal?: AbortSignal | undefined
    }

/**
 * Opens the catalog's database, brings its schema up to date and proves that tenants are apart in it.
 * `conflict`: another process has the folder, or the schema is not this version's. `unsupported`: too old a server.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  options.signal?.throwIfAborted()
  const connections = await openConnections(options).catch((error: unknown) => {
    throw describeFailure(error)
  })
  try {
    await applySteps(connections, options.steps)
    options.signal?.throwIfAborted()
    const doors = createDoors(connections)
    await checkIsolation(doors)
    options.signal?.throwIfAborted()
    return {
      kind: connections.kind,
      ...doors,
      listen: connections.listen,
      pool: connections.pool,
      checkHealth: (signal) =>
        doors.asSystem(
          async (sql) => {
            await sql.query('SELECT 1')
          },
          { signal },
        ),
      close: connections.close,
    }
  } catch (error) {
    await connections.close()
    throw error
  }
}

async function openConnections(options: DatabaseOptions): Promise<Connections> {
  if (options.kind === 'pglite') {
    const { dataDir, image = null, limits } = options
    const { statementMs, databaseWaitMs: waitMs } = limits
    return openPgliteConnections({ dataDir, image, statementMs, waitMs })
  }
  const { statementMs, databaseConnections: connectionsMax } = options.limits
  return openPostgresConnections({ url: options.url, connectionsMax, statementMs })
}
