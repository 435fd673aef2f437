import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createSession } from '../../adapters/stores/pgvector/session.ts'
import { openPgvectorStore } from '../../adapters/stores/pgvector/store.ts'
import { QuarryError } from '../../src/core/errors.ts'
import type { TenantId } from '../../src/core/model.ts'
import { createTestPostgres } from '../support/postgres.ts'

let postgres: Awaited<ReturnType<typeof createTestPostgres>>
let pool: pg.Pool

beforeAll(async () => {
  postgres = await createTestPostgres()
  pool = new pg.Pool({ connectionString: postgres.url, max: 4 })
})

afterAll(async () => {
  await pool.end()
  await postgres.remove()
})

const session = (statementMs = 30_000) =>
  createSession({ pool, role: 'pg_monitor', searchPath: 'public', statementMs })
const tenant = 'acme' as TenantId
const never = new AbortController().signal

async function running(): Promise<number> {
  const { rows } = await pool.query(
    `select 1 from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'`,
  )
  return rows.length
}

it('says how to install pgvector where it is missing', async ({ skip }) => {
  const { rows } = await pool.query(`select 1 from pg_available_extensions where name = 'vector'`)
  skip(rows.length > 0, 'this Postgres has pgvector')
  await expect(openPgvectorStore({ url: postgres.url })).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('create extension vector'),
  })
})

it('stops the statement on the server when the caller stops waiting', async () => {
  const reason = new QuarryError('deadline_exceeded', 'enough')
  const controller = new AbortController()
  const pending = session().asTenant(
    tenant,
    {},
    (query) => query('select pg_sleep(30)'),
    controller.signal,
  )
  const settled = expect(pending).rejects.toBe(reason)
  while ((await running()) === 0) await sleep(10)
  controller.abort(reason)
  await settled
  const until = performance.now() + 10_000
  while ((await running()) > 0 && performance.now() < until) await sleep(10)
  expect(await running()).toBe(0)
  const after = session().asTenant(tenant, {}, (query) => query('select 1 as fine'), never)
  expect(await after).toEqual([{ fine: 1 }])
})

it('has the server end a statement that takes too long by itself', async () => {
  const pending = session(50).asTenant(tenant, {}, (query) => query('select pg_sleep(30)'), never)
  await expect(pending).rejects.toMatchObject({ code: 'deadline_exceeded', retryable: true })
})

it('leaves neither role nor tenant behind on a connection', async () => {
  const seen = `select current_user as role, current_setting('quarry.tenant', true) as tenant`
  const one = new pg.Pool({ connectionString: postgres.url, max: 1 })
  const alone = createSession({
    pool: one,
    role: 'pg_monitor',
    searchPath: 'public',
    statementMs: 1_000,
  })
  expect(await alone.asTenant(tenant, {}, (query) => query(seen), never)).toEqual([
    { role: 'pg_monitor', tenant: 'acme' },
  ])
  const failed = alone.asTenant(tenant, {}, (query) => query('select 1/0'), never)
  await expect(failed).rejects.toMatchObject({ code: 'invalid_request' })
  const { rows } = await one.query(seen)
  expect(rows).toEqual([{ role: 'postgres', tenant: '' }])
  await one.end()
})

it('calls a server that is not there an upstream failure', async () => {
  const absent = openPgvectorStore({ url: 'postgres://nobody@127.0.0.1:1/none' })
  await expect(absent).rejects.toMatchObject({ code: 'upstream_failed', retryable: true })
})
