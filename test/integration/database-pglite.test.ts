import fs from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readSchemaSteps } from '../../migrations/schema/apply.ts'
import { openDatabase } from '../../src/catalog/database/open-database.ts'
import { openDurable, prepareFolder } from '../../src/catalog/database/pglite/durable.ts'
import type { Database } from '../../src/catalog/database.ts'
import { listen, socketName, tryLockFolder } from '../../src/core/folder-lock.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import type { TenantId } from '../../src/core/model.ts'
import { startChild } from '../../src/core/spawnable.ts'
import { openTestDatabase } from '../support/database.ts'

const TENANT = 't' as TenantId
let folder: string
let dataDir: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-pglite-'))
  dataDir = join(folder, 'catalog')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const openOnDisk = async (statementMs = DEFAULT_LIMITS.statementMs): Promise<Database> =>
  openDatabase({
    kind: 'pglite',
    dataDir,
    limits: { ...DEFAULT_LIMITS, statementMs },
    steps: (await readSchemaSteps()).slice(0, 1),
  })

describe('rule 1: a commit is on disk when it is acknowledged', () => {
  const real = fs.fsyncSync
  afterEach(() => replaceFsync(real))
  const replaceFsync = (fsync: typeof fs.fsyncSync) => {
    fs.fsyncSync = fsync
    syncBuiltinESMExports()
  }

  test('each commit forces at least one file to disk', async () => {
    // Without the hook, or with `-F` left in, the count stays 0.
    let files = 0
    replaceFsync((descriptor) => {
      files += 1
      real(descriptor)
    })
    await prepareFolder(dataDir, {})
    const database = await openDurable(dataDir, {})
    await database.execute(simpleQuery('CREATE TABLE t (id int)'))
    const before = files
    for (let id = 0; id < 20; id++) {
      await database.execute(simpleQuery(`INSERT INTO t VALUES (${id})`))
    }
    expect(files - before).toBeGreaterThanOrEqual(20)
    await database.close()
  })

  test('a disk that cannot be forced ends the database instead of acknowledging', async () => {
    // PGlite swallows the exception; without the check of `failure` the insert answers as done.
    await prepareFolder(dataDir, {})
    const database = await openDurable(dataDir, {})
    await database.execute(simpleQuery('CREATE TABLE t (id int)'))
    replaceFsync(() => {
      throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' })
    })
    const insert = database.execute(simpleQuery('INSERT INTO t VALUES (1)'))
    await expect(insert).rejects.toThrow('EIO')
  })
})

describe('rule 2: one process at a time', () => {
  test('a second opener is refused, kill -9 frees the folder at once, and no acknowledged row is lost', async () => {
    // Without the lock the second opener succeeds, and one of the two loses rows.
    const writer = startChild(new URL('../support/database-writer.ts', import.meta.url), [dataDir])
    const acknowledged: number[] = []
    await new Promise<void>((resolve, reject) => {
      writer.once('exit', () => reject(new Error('the writer ended early')))
      writer.on('message', (id: number) => {
        acknowledged.push(id)
        if (acknowledged.length === 25) resolve()
      })
    })
    await expect(openOnDisk()).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/catalog.*a running server holds it: stop it, or pass --url/),
    })
    await symlink(folder, `${folder}-link`)
    expect(await tryLockFolder(join(`${folder}-link`, 'catalog'))).toBeNull()
    await rm(`${folder}-link`)
    const exited = new Promise((resolve) => writer.once('exit', resolve))
    writer.kill('SIGKILL')
    await exited
    const database = await openOnDisk()
    const { rows } = await database.pool.query('SELECT id FROM quarry.written ORDER BY id')
    const kept = rows.map((row) => (row as { id: number }).id)
    expect(kept).toEqual(expect.arrayContaining(acknowledged))
    expect(kept.length - acknowledged.length).toBeLessThanOrEqual(1)
    await database.close()
  }, 120_000)

  test('closing frees the folder, twice closing is fine, and a closed database says so', async () => {
    const database = await openOnDisk()
    await expect(openOnDisk()).rejects.toMatchObject({ code: 'conflict' })
    await Promise.all([database.close(), database.close()])
    await expect(database.asSystem((sql) => sql.query('SELECT 1'))).rejects.toMatchObject({
      code: 'unavailable',
    })
    const again = await openOnDisk()
    await again.close()
  }, 60_000)

  test('elsewhere than on Linux a socket file does it, and a dead one is removed', async () => {
    const name = join(folder, 'lock.sock')
    expect(socketName('/data', 'darwin')).toMatch(/\.sock$/)
    expect(socketName('/data', 'win32')).toMatch(/^\\\\\.\\pipe\\quarry-/)
    const held = await listen(name)
    expect(held).not.toBeNull()
    expect(await listen(name)).toBeNull()
    await new Promise((resolve) => held?.close(resolve))
    await writeFile(name, 'left by a dead process')
    const next = await listen(name)
    expect(next).not.toBeNull()
    next?.close()
  })
})

test('a first start that was cut off is begun anew', async () => {
  await mkdir(join(`${dataDir}.new`, 'base'), { recursive: true })
  await writeFile(join(`${dataDir}.new`, 'PG_VERSION'), '18\n')
  const database = await openOnDisk()
  await database.checkHealth(AbortSignal.timeout(10_000))
  await database.close()
  expect(await readdir(folder)).toEqual(['catalog'])
}, 60_000)

test('a listener takes no turn, and a transaction that holds the session makes others wait (rule 3)', async () => {
  const database = await openTestDatabase('pglite')
  const listener = await database.pool.connect()
  await listener.query('LISTEN jobs')
  const holder = await database.pool.connect()
  await holder.query('BEGIN')
  const order: string[] = []
  const other = database.asTenant(TENANT, async () => order.push('other'))
  await holder.query('SELECT 1')
  order.push('commit')
  await holder.query('COMMIT')
  await other
  expect(order).toEqual(['commit', 'other'])
  holder.release()
  listener.release()
  await database.close()
})

describe('rule 4: a statement holds up its own thread only', () => {
  test('the event loop turns during a statement of 1.5 s', async () => {
    // With PGlite on this thread the timer below fires once, after the statement.
    const database = await openTestDatabase('pglite')
    let ticks = 0
    const timer = setInterval(() => {
      ticks += 1
    }, 10)
    await database.asSystem((sql) => sql.query('SELECT pg_sleep(1.5)'))
    clearInterval(timer)
    expect(ticks).toBeGreaterThan(20)
    await database.close()
  })

  test('a runaway statement is ended with its thread; those who wait are served after it', async () => {
    const database = await openOnDisk(1_500)
    const heard: string[] = []
    await database.listen('news', (payload) => heard.push(payload))
    const lost: unknown[] = []
    const client = await database.pool.connect()
    client.on('error', ((error: unknown) => lost.push(error)) as never)
    await database.pool.query('CREATE TABLE quarry.kept (id int)')
    await database.pool.query('INSERT INTO quarry.kept VALUES (1)')
    const runaway = database.asTenant(TENANT, (sql) =>
      sql.query('SELECT count(*) FROM generate_series(1, 1e12::bigint)'),
    )
    const waiting = database.pool.query('SELECT id FROM quarry.kept')
    await expect(runaway).rejects.toMatchObject({ code: 'deadline_exceeded' })
    expect((await waiting).rows).toEqual([{ id: 1 }])
    expect(lost).toHaveLength(1)
    await database.pool.query("NOTIFY news, 'still heard'")
    await expect.poll(() => heard).toEqual(['still heard'])
    await database.close()
  }, 60_000)

  test('a transaction that stands idle is ended, and none of its later statements run outside it', async () => {
    const database = await openOnDisk(1_000)
    await database.pool.query('CREATE TABLE quarry.kept (id int)')
    await database.pool.query('GRANT ALL ON quarry.kept TO quarry_system')
    const idle = database.asSystem(async (sql) => {
      await sql.query('INSERT INTO kept VALUES (1)')
      await new Promise((resolve) => setTimeout(resolve, 2_500))
      await sql.query('INSERT INTO kept VALUES (2)')
    })
    await expect(idle).rejects.toMatchObject({ code: 'deadline_exceeded' })
    const { rows } = await database.pool.query('SELECT id FROM quarry.kept')
    expect(rows).toEqual([])
    await database.close()
  }, 60_000)

  test('an in-memory database whose thread ended says that its rows are gone', async () => {
    const database = await openTestDatabase('pglite', { statementMs: 1_000 })
    const runaway = database.asSystem((sql) => sql.query('SELECT pg_sleep(20)'))
    await expect(runaway).rejects.toMatchObject({ code: 'deadline_exceeded' })
    await expect(database.asSystem((sql) => sql.query('SELECT 1'))).rejects.toMatchObject({
      code: 'unavailable',
    })
    await database.close()
  })
})

test('pgvector is there', async () => {
  const database = await openTestDatabase('pglite')
  await database.pool.query('CREATE EXTENSION vector WITH SCHEMA public')
  const { rows } = await database.pool.query("SELECT $1::vector <=> '[0,1]' AS distance", ['[1,0]'])
  expect(rows).toEqual([{ distance: 1 }])
  await database.close()
})

/** A `Query` message of the wire protocol. */
function simpleQuery(sql: string): Uint8Array {
  const text = Buffer.from(`${sql}\0`)
  const head = Buffer.alloc(5)
  head.write('Q')
  head.writeInt32BE(text.length + 4, 1)
  return Buffer.concat([head, text])
}
