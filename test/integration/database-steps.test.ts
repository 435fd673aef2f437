import { readdir } from 'node:fs/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { readSchemaSteps, type SchemaStep } from '../../migrations/schema/apply.ts'
import { openDatabase } from '../../src/catalog/database/open-database.ts'
import type { Database } from '../../src/catalog/database.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import { createTestPostgres } from '../support/postgres.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function freshPostgres() {
  const { url, remove } = await createTestPostgres()
  closing.push(remove)
  return async (steps: readonly SchemaStep[]): Promise<Database> => {
    const limits = { ...DEFAULT_LIMITS, databaseConnections: 2 }
    const database = await openDatabase({ kind: 'postgres', url, limits, steps })
    closing.push(database.close)
    return database
  }
}

const roles = async () => (await readSchemaSteps()).slice(0, 1)
const step = (number: string, sql: string): SchemaStep => ({ name: `${number}_step`, sql })

test('the steps are the numbered files of the package, in order', async () => {
  const files = await readdir(new URL('../../migrations/schema/', import.meta.url))
  const expected = files.filter((name) => name.endsWith('.sql')).sort()
  const steps = await readSchemaSteps()
  expect(steps.map(({ name }) => `${name}.sql`)).toEqual(expected)
  expect(steps[0]?.name).toBe('0001_roles')
})

describe('applying schema steps', () => {
  test('of two processes that start at once one applies each step', async () => {
    // Without the advisory lock the second CREATE TABLE fails.
    const open = await freshPostgres()
    const steps = [
      ...(await roles()),
      step('0100', 'create table quarry.once (id int); select pg_sleep(0.3)'),
    ]
    const databases = await Promise.all([open(steps), open(steps), open(steps)])
    const { rows } = await (databases[0] as Database).pool.query(
      'SELECT name FROM quarry.schema_steps ORDER BY name',
    )
    expect(rows).toEqual([{ name: '0001_roles' }, { name: '0100_step' }])
  })

  test('a step that fails leaves nothing of itself, and those before it stay', async () => {
    const open = await freshPostgres()
    const first = [...(await roles()), step('0100', 'create table quarry.a (id int)')]
    const bad = step('0101', 'create table quarry.b (id int); select 1 / 0')
    await expect(open([...first, bad])).rejects.toMatchObject({
      code: 'internal',
      message: 'schema step 0101_step failed: division by zero',
    })
    const database = await open([...first, step('0101', 'create table quarry.b (id int)')])
    const { rows } = await database.pool.query("SELECT to_regclass('quarry.b') IS NOT NULL AS made")
    expect(rows).toEqual([{ made: true }])
  })

  test.each<[string, (steps: readonly SchemaStep[]) => readonly SchemaStep[], RegExp]>([
    [
      'other text than was applied',
      (steps) => steps.map(({ name, sql }) => ({ name, sql: `${sql} -- edited` })),
      /schema step 0001_roles was applied with other text/,
    ],
    ['a step of a newer version', (steps) => steps.slice(0, 1), /has schema step 0100_step, which/],
    [
      'a step that sorts before an applied one',
      (steps) => [...steps, step('0050', 'select 1')],
      /schema step 0050_step sorts before 0100_step/,
    ],
  ])('refuses %s', async (_what, change, message) => {
    const open = await freshPostgres()
    const steps = [...(await roles()), step('0100', 'select 1')]
    await open(steps)
    await expect(open(change(steps))).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(message),
    })
  })

  test('line ends of a checkout are no change', async () => {
    const open = await freshPostgres()
    await open(await roles())
    const windows = (await roles()).map(({ name, sql }) => ({
      name,
      sql: sql.replaceAll('\n', '\r\n'),
    }))
    await open(windows)
  })
})
