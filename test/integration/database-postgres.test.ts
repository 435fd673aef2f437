import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readSchemaSteps } from '../../migrations/schema/apply.ts'
import { openDatabase } from '../../src/catalog/database/open-database.ts'
import { checkVersion } from '../../src/catalog/database/postgres/postgres-connections.ts'
import type { Database } from '../../src/catalog/database.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import type { TenantId } from '../../src/core/model.ts'
import { openTestDatabase } from '../support/database.ts'
import { createTestPostgres, startTestPostgres, type TestPostgres } from '../support/postgres.ts'

const TENANT = 't' as TenantId
const roles = async () => (await readSchemaSteps()).slice(0, 1)

describe('a caller that gives up', () => {
  let database: Database
  beforeAll(async () => {
    database = await openTestDatabase('postgres', { steps: await roles(), statementMs: 1_500 })
  })
  afterAll(() => database?.close())

  const running = async () => {
    const { rows } = await database.pool.query(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND state = 'active' AND pid <> pg_backend_pid()",
    )
    return (rows[0] as { n: number }).n
  }

  test('has its statement cancelled on the server, and nobody else is hit by it', async () => {
    const controller = new AbortController()
    const options = { signal: controller.signal }
    const slow = database.asTenant(TENANT, (sql) => sql.query('SELECT pg_sleep(30)'), options)
    await expect.poll(running).toBe(1)
    const reason = new QuarryError('deadline_exceeded', 'enough')
    controller.abort(reason)
    await expect(slow).rejects.toBe(reason)
    const others = Array.from({ length: 20 }, () =>
      database.asTenant(TENANT, (sql) => sql.query('SELECT pg_sleep(0.02)')),
    )
    await Promise.all(others)
    await expect.poll(running).toBe(0)
  })

  test('gives back the connection that it waited for', async () => {
    const busy = Array.from({ length: 8 }, () =>
      database.asSystem((sql) => sql.query('SELECT pg_sleep(0.4)')),
    )
    const options = { signal: AbortSignal.timeout(50) }
    const waiting = Array.from({ length: 8 }, () =>
      database.asSystem((sql) => sql.query('SELECT 1'), options),
    )
    const outcomes = await Promise.allSettled(waiting)
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true)
    await Promise.all(busy)
    await Promise.all(
      Array.from({ length: 8 }, () => database.asSystem((sql) => sql.query('SELECT 1'))),
    )
  })

  test('a statement past its time is stopped', async () => {
    const slow = database.asTenant(TENANT, (sql) => sql.query('SELECT pg_sleep(30)'))
    await expect(slow).rejects.toMatchObject({ code: 'deadline_exceeded', retryable: true })
  })

  test('an idle transaction is ended, and none of its later statements run outside it', async () => {
    const idle = database.asTenant(TENANT, async (sql) => {
      await sql.query('SELECT 1')
      await new Promise((resolve) => setTimeout(resolve, 3_000))
      await sql.query('SELECT 1')
    })
    await expect(idle).rejects.toMatchObject({ retryable: true })
  })

  test('connections carry the application name', async () => {
    const { rows } = await database.pool.query("SELECT current_setting('application_name') AS name")
    expect(rows).toEqual([{ name: 'quarry' }])
  })
})

describe('when the server goes', () => {
  let server: TestPostgres
  beforeAll(async () => {
    server = await startTestPostgres()
  })
  afterAll(() => server?.stop())

  test('callers get `unavailable`; when it is back, so are the doors and the listeners', async () => {
    const database = await openDatabase({
      kind: 'postgres',
      url: server.url,
      limits: { databaseConnections: 3, statementMs: 10_000 },
      steps: await roles(),
    })
    const heard: string[] = []
    await database.listen('news', (payload) => heard.push(payload))
    const underWay = database.asSystem((sql) => sql.query('SELECT pg_sleep(9)'))
    const ended = expect(underWay).rejects.toMatchObject({ code: 'unavailable', retryable: true })
    await new Promise((resolve) => setTimeout(resolve, 200))
    await server.kill()
    await ended
    await expect(database.checkHealth(AbortSignal.timeout(5_000))).rejects.toMatchObject({
      code: 'unavailable',
    })
    await server.start()
    await database.checkHealth(AbortSignal.timeout(10_000))
    await expect
      .poll(
        async () => {
          await database.asSystem((sql) => sql.query("SELECT pg_notify('news', 'back')"))
          return heard.at(-1)
        },
        { timeout: 15_000, interval: 200 },
      )
      .toBe('back')
    await database.close()
    await database.close()
    await expect(database.asSystem((sql) => sql.query('SELECT 1'))).rejects.toMatchObject({
      code: 'unavailable',
    })
  }, 60_000)

  test('nobody at the address is `unavailable`', async () => {
    const url = 'postgres://postgres@127.0.0.1:1/postgres'
    const opening = openDatabase({ kind: 'postgres', url, limits: DEFAULT_LIMITS, steps: [] })
    await expect(opening).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/ECONNREFUSED/),
    })
  })
})

test('a login that is no superuser will do', async () => {
  const { url, remove } = await createTestPostgres()
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  const { rows } = await admin.query('SELECT current_database() AS name')
  await admin.query(`DROP ROLE IF EXISTS quarry_login`)
  await admin.query(`CREATE ROLE quarry_login LOGIN CREATEROLE PASSWORD 'secret'`)
  await admin.query(`GRANT CREATE ON DATABASE ${rows[0].name} TO quarry_login`)
  await admin.end()
  const own = new URL(url)
  own.username = 'quarry_login'
  own.password = 'secret'
  const database = await openDatabase({
    kind: 'postgres',
    url: own.href,
    limits: { ...DEFAULT_LIMITS, databaseConnections: 2 },
    steps: await roles(),
  })
  const who = await database.asTenant(TENANT, (sql) => sql.query('SELECT current_user AS who'))
  expect(who.rows).toEqual([{ who: 'quarry_tenant' }])
  await database.close()
  await remove()
})

test('a server older than 15 is refused', () => {
  expect(() => checkVersion({ number: 149_999, name: '14.22' })).toThrow(
    expect.objectContaining({
      code: 'unsupported',
      message: expect.stringMatching(/14\.22 is too old: 15 or newer/),
    }),
  )
  expect(() => checkVersion({ number: 150_000, name: '15.0' })).not.toThrow()
})
