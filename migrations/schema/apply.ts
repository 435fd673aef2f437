import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SchemaStep } from '../../src/catalog/database/apply-steps.ts'

export type { SchemaStep } from '../../src/catalog/database/apply-steps.ts'

const STEP_FILE = /^\d{4}_[a-z0-9_]+\.sql$/

/** The numbered SQL files of the package, in order. They ship as they are; the compiler does not copy them to dist. */
export async function readSchemaSteps(): Promise<readonly SchemaStep[]> {
  const folder = await schemaFolder()
  const names = (await readdir(folder)).filter((name) => STEP_FILE.test(name)).sort()
  return Promise.all(
    names.map(async (name) => ({
      name: name.slice(0, -'.sql'.length),
      sql: await readFile(join(folder, name), 'utf8'),
    })),
  )
}

/** `migrations/schema` of the package this module is part of: from source its own folder, from dist the one beside dist. */
async function schemaFolder(): Promise<string> {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    const candidate = join(folder, 'migrations', 'schema')
    const names = await readdir(candidate).catch(() => [])
    if (names.some((name) => STEP_FILE.test(name))) return candidate
    const parent = dirname(folder)
    if (parent === folder) throw new Error(`no migrations/schema/*.sql above ${import.meta.url}`)
    folder = parent
  }
}
