import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { PGlite } from '@electric-sql/pglite'
import { readSchemaSteps, type SchemaStep } from '../../migrations/schema/apply.ts'
import { openDatabase } from '../../src/catalog/database/open-database.ts'
import type { Database } from '../../src/catalog/database.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import { createTestPostgres } from './postgres.ts'

export interface TestDatabaseOptions {
  readonly steps?: readonly SchemaStep[]
  readonly statementMs?: number
}

/** A database of its own with every schema step: PGlite in memory, or a fresh database of a throw-away Postgres. */
export async function openTestDatabase(
  kind: 'pglite' | 'postgres' = 'pglite',
  options: TestDatabaseOptions = {},
): Promise<Database> {
  const { statementMs = DEFAULT_LIMITS.statementMs } = options
  const limits = { ...DEFAULT_LIMITS, databaseConnections: 8, statementMs }
  const steps = options.steps ?? (await readSchemaSteps())
  if (kind === 'pglite') {
    return openDatabase({ kind, dataDir: null, steps, limits, image: await emptyImage() })
  }
  const { url, remove } = await createTestPostgres()
  const database = await openDatabase({ kind, url, limits, steps }).catch(
    async (error: unknown) => {
      await remove()
      throw error
    },
  )
  return {
    ...database,
    close: async () => {
      await database.close()
      await remove()
    },
  }
}

const CACHE = new URL('../../node_modules/.cache/quarry/', import.meta.url)

/** What initdb leaves behind, kept between runs: loading it takes a third of the time of making it. */
async function emptyImage(): Promise<Uint8Array> {
  const { version } = JSON.parse(
    await readFile(
      new URL('../../node_modules/@electric-sql/pglite/package.json', import.meta.url),
      'utf8',
    ),
  ) as { version: string }
  const path = fileURLToPath(new URL(`pglite-${version}.tar`, CACHE))
  return readFile(path).catch(() => makeImage(path))
}

async function makeImage(path: string): Promise<Uint8Array> {
  const database = await PGlite.create('memory://')
  const image = new Uint8Array(await (await database.dumpDataDir('none')).arrayBuffer())
  await database.close()
  await mkdir(CACHE, { recursive: true })
  const unfinished = `${path}.${process.pid}`
  await writeFile(unfinished, image)
  await rename(unfinished, path)
  return image
}
