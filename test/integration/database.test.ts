import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readSchemaSteps, type SchemaStep } from '../../migrations/schema/apply.ts'
import { sqlState } from '../../src/catalog/database/database-errors.ts'
import type { Database } from '../../src/catalog/database.ts'
import { QuarryError } from '../../src/core/errors.ts'
import type { TenantId } from '../../src/core/model.ts'
import { openTestDatabase } from '../support/database.ts'

const A = 'tenant-a' as TenantId
const B = "tenant-b'; DROP TABLE notes; --" as TenantId

const NOTES: SchemaStep = {
  name: '9000_notes',
  sql: `
    create table quarry.notes (tenant_id text not null, id int8 not null, body text, primary key (tenant_id, id));
    alter table quarry.notes enable row level security;
    alter table quarry.notes force row level security;
    create policy tenant on quarry.notes to quarry_tenant
      using (tenant_id = quarry.current_tenant()) with check (tenant_id = quarry.current_tenant());
    create policy system on quarry.notes to quarry_system using (true) with check (true);`,
}

async function rolesAndNotes(): Promise<readonly SchemaStep[]> {
  const roles = (await readSchemaSteps()).filter((step) => step.name.startsWith('0001'))
  return [...roles, NOTES]
}

const insert = (database: Database, tenant: TenantId, id: number, body = 'note') =>
  database.asTenant(tenant, (sql) =>
    sql.query('INSERT INTO notes (tenant_id, id, body) VALUES ($1, $2, $3)', [tenant, id, body]),
  )

const ids = async (database: Database, tenant: TenantId) =>
  database.asTenant(tenant, async (sql) => {
    const { rows } = await sql.query<{ id: bigint }>('SELECT id FROM notes ORDER BY id')
    return rows.map((row) => Number(row.id))
  })

describe.each(['pglite', 'postgres'] as const)('the catalog database on %s', (kind) => {
  let database: Database
  beforeAll(async () => {
    database = await openTestDatabase(kind, { steps: await rolesAndNotes() })
  }, 120_000)
  afterAll(() => database?.close())

  test('a tenant sees and writes its own rows only; the system role sees all (rule 5: role per transaction)', async () => {
    // Without SET LOCAL ROLE the login is superuser, row-level security is off and A sees B's row.
    await insert(database, A, 1)
    await insert(database, B, 2)
    expect(await ids(database, A)).toEqual([1])
    expect(await ids(database, B)).toEqual([2])
    const seen = await database.asSystem((sql) => sql.query('SELECT id FROM notes'))
    expect(seen.rowCount).toBe(2)
    await expect(
      database.asTenant(A, (sql) =>
        sql.query('INSERT INTO notes (tenant_id, id) VALUES ($1, 9)', [B]),
      ),
    ).rejects.toSatisfy((error) => sqlState(error) === '42501')
    const changed = await database.asTenant(A, (sql) => sql.query('UPDATE notes SET body = NULL'))
    expect(changed.rowCount).toBe(1)
  })

  test('the doors are no superuser, and leave nothing of themselves behind', async () => {
    const who =
      'SELECT current_user AS who, rolsuper AS super, rolbypassrls AS bypass FROM pg_roles WHERE rolname = current_user'
    const inside = await database.asTenant(A, (sql) => sql.query(who))
    expect(inside.rows).toEqual([{ who: 'quarry_tenant', super: false, bypass: false }])
    const system = await database.asSystem((sql) => sql.query(who))
    expect(system.rows).toEqual([{ who: 'quarry_system', super: false, bypass: false }])
    const { rows } = await database.pool.query(
      "SELECT current_user = session_user AS own, coalesce(current_setting('quarry.tenant', true), '') AS tenant",
    )
    expect(rows).toEqual([{ own: true, tenant: '' }])
  })

  test('an empty tenant is refused', async () => {
    await expect(ids(database, '' as TenantId)).rejects.toMatchObject({ code: 'invalid_request' })
  })

  test('values come back in the same types from both', async () => {
    const bytes = new Uint8Array(3000).map((_, index) => index % 251)
    const at = new Date('2024-02-29T12:34:56.789Z')
    const parameters = [
      9007199254740993n,
      bytes,
      { a: [1, 'x'], b: null },
      at,
      1.5,
      true,
      null,
      ['x', 'y"z'],
    ]
    const { rows, rowCount } = await database.asTenant(A, (sql) =>
      sql.query(
        `SELECT $1::int8 AS int8, $2::bytea AS bytea, $3::jsonb AS jsonb, $4::timestamptz AS at, $5::float8 AS float8,
           $6::bool AS bool, $7::text AS nothing, $8::text[] AS texts, 7::int4 AS int4, '2024-02-29'::date AS date,
           array[1, 2]::int8[] AS int8s, array['\\x01'::bytea, null] AS byteas, '12'::xid8 AS xid8`,
        parameters,
      ),
    )
    expect(rowCount).toBe(1)
    expect(rows).toEqual([
      {
        int8: 9007199254740993n,
        bytea: bytes,
        jsonb: { a: [1, 'x'], b: null },
        at,
        float8: 1.5,
        bool: true,
        nothing: null,
        texts: ['x', 'y"z'],
        int4: 7,
        date: '2024-02-29',
        int8s: [1n, 2n],
        byteas: [Uint8Array.of(1), null],
        xid8: 12n,
      },
    ])
    const [row] = rows as { bytea: Uint8Array }[]
    expect(Object.getPrototypeOf(row?.bytea)).toBe(Uint8Array.prototype)
    expect(row?.bytea.byteOffset).toBe(0)
  })

  test('16 MB of bytes go in and come out whole', async () => {
    const bytes = new Uint8Array(16 << 20).map((_, index) => (index * 31) & 255)
    const { rows } = await database.asTenant(A, (sql) =>
      sql.query<{ bytes: Uint8Array }>('SELECT $1::bytea AS bytes', [bytes]),
    )
    expect(Buffer.compare(rows[0]?.bytes ?? new Uint8Array(), bytes)).toBe(0)
  })

  test('work that throws is rolled back, and its error passes unchanged', async () => {
    const bug = new TypeError('a bug')
    const failing = database.asTenant(A, async (sql) => {
      await sql.query('INSERT INTO notes (tenant_id, id) VALUES ($1, 50)', [A])
      throw bug
    })
    await expect(failing).rejects.toBe(bug)
    expect(await ids(database, A)).not.toContain(50)
  })

  test('a swallowed statement error does not turn into an acknowledged nothing', async () => {
    // Postgres answers COMMIT of a failed transaction with ROLLBACK and no error.
    const quiet = database.asTenant(A, async (sql) => {
      await sql.query('INSERT INTO notes (tenant_id, id) VALUES ($1, 51)', [A])
      await sql.query('SELECT 1 / 0').catch(() => {})
    })
    await expect(quiet).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringMatching(/rolled back/),
    })
  })

  test('statements after the end of their transaction are refused', async () => {
    const leaked = await database.asTenant(A, async (sql) => sql)
    await expect(leaked.query('SELECT 1')).rejects.toMatchObject({ code: 'internal' })
  })

  test('an ordinary database error is internal and keeps its SQLSTATE', async () => {
    await insert(database, A, 60)
    const error = await insert(database, A, 60).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(QuarryError)
    expect(error).toMatchObject({ code: 'internal', retryable: false })
    expect(sqlState(error)).toBe('23505')
  })

  test('a caller is let go at its signal, its rows are not kept, and the database serves on', async () => {
    const controller = new AbortController()
    const reason = new QuarryError('deadline_exceeded', 'enough')
    setTimeout(() => controller.abort(reason), 50)
    const slow = database.asTenant(
      A,
      async (sql) => {
        await sql.query('INSERT INTO notes (tenant_id, id) VALUES ($1, 70)', [A])
        await sql.query('SELECT pg_sleep(1)')
        await sql.query('SELECT 1')
      },
      { signal: controller.signal },
    )
    await expect(slow).rejects.toBe(reason)
    expect(await ids(database, A)).not.toContain(70)
    const already = database.asSystem((sql) => sql.query('SELECT 1'), { signal: controller.signal })
    await expect(already).rejects.toBe(reason)
  })

  test('40 concurrent transactions all commit, each its own', async () => {
    await Promise.all(Array.from({ length: 40 }, (_, index) => insert(database, A, 1000 + index)))
    const kept = await ids(database, A)
    expect(kept.filter((id) => id >= 1000)).toHaveLength(40)
  })

  test("one pool client's rollback does not take what another was told is stored (rule 3)", async () => {
    // Without turns, B's insert runs inside A's open transaction of the shared session and dies with it.
    const a = await database.pool.connect()
    const b = await database.pool.connect()
    await a.query('BEGIN')
    await a.query("INSERT INTO quarry.notes VALUES ('pool', 1)")
    const stored = b.query("INSERT INTO quarry.notes VALUES ('pool', 2)")
    const named = database.pool.query({ name: 'same', text: 'SELECT 1 AS one' })
    await new Promise((resolve) => setTimeout(resolve, 50))
    await a.query('ROLLBACK')
    await Promise.all([stored, named])
    a.release()
    b.release()
    const { rows } = await database.pool.query(
      "SELECT id FROM quarry.notes WHERE tenant_id = 'pool'",
    )
    expect(rows).toEqual([{ id: '2' }])
  })

  test('statement names of different clients do not collide', async () => {
    const [a, b] = await Promise.all([database.pool.connect(), database.pool.connect()])
    expect((await a.query({ name: 'same', text: 'SELECT 1 AS n' })).rows).toEqual([{ n: 1 }])
    expect((await b.query({ name: 'same', text: 'SELECT 2 AS n' })).rows).toEqual([{ n: 2 }])
    expect((await a.query({ name: 'same', text: 'SELECT 1 AS n' })).rows).toEqual([{ n: 1 }])
    a.release()
    b.release()
  })

  test('a client released inside a transaction leaves nothing of it', async () => {
    const client = await database.pool.connect()
    await client.query('BEGIN')
    await client.query("INSERT INTO quarry.notes VALUES ('left', 1)")
    client.release(new Error('gave up'))
    const { rows } = await database.pool.query(
      "SELECT 1 FROM quarry.notes WHERE tenant_id = 'left'",
    )
    expect(rows).toEqual([])
  })

  test('notices reach listeners of the database and of pool clients, and a listener holds up nobody', async () => {
    const heard: string[] = []
    const stop = await database.listen('Odd "name"', (payload) => heard.push(payload))
    const client = await database.pool.connect()
    const atClient: unknown[] = []
    client.on('notification', ((notice: { channel: string; payload: string }) =>
      atClient.push([notice.channel, notice.payload])) as never)
    await client.query('LISTEN bells')
    await database.asSystem(async (sql) => {
      await sql.query('SELECT pg_notify($1, $2)', ['Odd "name"', 'one'])
      await sql.query('SELECT pg_notify($1, $2)', ['bells', 'two'])
    })
    await expect.poll(() => heard).toEqual(['one'])
    await expect.poll(() => atClient).toContainEqual(['bells', 'two'])
    await stop()
    await database.asSystem((sql) => sql.query("SELECT pg_notify('Odd \"name\"', 'late')"))
    await database.checkHealth(AbortSignal.timeout(5_000))
    expect(heard).toEqual(['one'])
    client.release()
  })
})

describe.each(['pglite', 'postgres'] as const)('the self-test on %s', (kind) => {
  test.each([
    ['row-level security is off', 'alter table quarry.isolation_canary disable row level security'],
    ['a policy lets everybody in', 'create policy open on quarry.isolation_canary using (true)'],
  ])(
    'refuses to start when %s',
    async (_what, sql) => {
      const roles = (await rolesAndNotes()).slice(0, 1)
      const opening = openTestDatabase(kind, { steps: [...roles, { name: '9001_hole', sql }] })
      await expect(opening).rejects.toMatchObject({
        code: 'internal',
        message: expect.stringMatching(/not isolated/),
      })
    },
    60_000,
  )
})

test('the self-test refuses to start when the tenant role is exempt', async () => {
  const roles = (await rolesAndNotes()).slice(0, 1)
  const hole = { name: '9001_hole', sql: 'alter role quarry_tenant bypassrls' }
  const opening = openTestDatabase('pglite', { steps: [...roles, hole] })
  await expect(opening).rejects.toMatchObject({
    code: 'internal',
    message: expect.stringMatching(/not isolated/),
  })
})
