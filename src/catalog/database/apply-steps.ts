import { createHash } from 'node:crypto'
import { QuarryError } from '../../core/errors.ts'
import type { Connection, Connections } from './connection.ts'
import { describeFailure } from './database-errors.ts'

/** One numbered file of `migrations/schema`: `0001_roles` and its SQL, without transaction commands of its own. */
export interface SchemaStep {
  readonly name: string
  readonly sql: string
}

/** «quarry» in ASCII, as the key of the advisory lock. */
const LOCK_KEY = '124946889700985'

/**
 * Brings the schema up to date. Of several processes that start at once one applies, the others wait for it.
 * Each step is a transaction of its own, so a crash leaves whole steps only. `conflict` when the database was made
 * by a newer version or by other text than these steps.
 */
export async function applySteps(
  connections: Connections,
  steps: readonly SchemaStep[],
): Promise<void> {
  const connection = await connections.acquire()
  try {
    await connection.query({ text: 'SET statement_timeout = 0' })
    await connection.query({ text: `SELECT pg_advisory_lock(${LOCK_KEY})` })
    await applyMissing(connection, steps)
    await connection.query({ text: `SELECT pg_advisory_unlock(${LOCK_KEY})` })
  } catch (error) {
    throw describeFailure(error)
  } finally {
    // A connection of its own on Postgres: throwing it away also drops the lock and the setting.
    await connection.release(connections.kind === 'postgres')
  }
}

async function applyMissing(connection: Connection, steps: readonly SchemaStep[]): Promise<void> {
  await connection.query({
    text: `CREATE SCHEMA IF NOT EXISTS quarry;
           CREATE TABLE IF NOT EXISTS quarry.schema_steps (
             name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
  })
  const { rows } = await connection.query({
    text: 'SELECT name, checksum FROM quarry.schema_steps ORDER BY name',
  })
  const applied = new Map(rows.map((row) => [String(row.name), String(row.checksum)]))
  checkApplied(applied, steps)
  for (const step of steps) {
    if (!applied.has(step.name)) await applyStep(connection, step)
  }
}

function checkApplied(applied: ReadonlyMap<string, string>, steps: readonly SchemaStep[]): void {
  const known = new Map(steps.map((step) => [step.name, checksum(step)]))
  const newest = [...applied.keys()].at(-1) ?? ''
  for (const [name, sum] of applied) {
    const expected = known.get(name)
    if (expected === undefined) {
      throw new QuarryError(
        'conflict',
        `the database has schema step ${name}, which this version does not know: run the version that applied it, or a newer one`,
      )
    }
    if (expected !== sum) {
      throw new QuarryError(
        'conflict',
        `schema step ${name} was applied with other text (checksum ${sum}, now ${expected}): applied steps never change, add a new one`,
      )
    }
  }
  for (const name of known.keys()) {
    if (!applied.has(name) && name < newest) {
      throw new QuarryError(
        'conflict',
        `schema step ${name} sorts before ${newest}, which is applied already: give it the next number`,
      )
    }
  }
}

async function applyStep(connection: Connection, step: SchemaStep): Promise<void> {
  await connection.query({ text: 'BEGIN' })
  try {
    await connection.query({ text: step.sql })
    await connection.query({
      text: 'INSERT INTO quarry.schema_steps (name, checksum) VALUES ($1, $2)',
      values: [step.name, checksum(step)],
    })
    await connection.query({ text: 'COMMIT' })
  } catch (error) {
    await connection.query({ text: 'ROLLBACK' }).catch(() => {})
    throw new QuarryError(
      'internal',
      `schema step ${step.name} failed: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    )
  }
}

/** Line ends differ between checkouts; they are no change. */
function checksum(step: SchemaStep): string {
  return createHash('sha256').update(step.sql.replaceAll('\r\n', '\n')).digest('hex').slice(0, 32)
}
