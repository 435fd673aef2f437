import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'

const run = promisify(execFile)

export interface TestPostgres {
  /** Connects as the superuser. */
  readonly url: string
  /** Ends the server like a crash does; `start` brings it back on the same port and folder. */
  kill(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

/** The kernel stops the server when the test process goes, even when that was killed and could clean up nothing. */
const ENDS_WITH_US = ['--pdeathsig', 'QUIT']

/**
 * A Postgres cluster in a temporary folder on a free loopback port. Fails, with the command that installs Postgres,
 * where there is none.
 */
export async function startTestPostgres(): Promise<TestPostgres> {
  const programs = await findPrograms()
  const folder = await mkdtemp(join(tmpdir(), 'quarry-postgres-'))
  const data = join(folder, 'data')
  const user = await serverUser()
  if (user !== null) await chown(folder, user.uid, user.gid)
  const as = (program: string, args: readonly string[]): readonly [string, readonly string[]] =>
    process.platform === 'linux'
      ? ['setpriv', [...ENDS_WITH_US, ...(user?.flags ?? []), join(programs, program), ...args]]
      : [join(programs, program), args]
  const [initdb, initArgs] = as('initdb', [
    ...['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
  ])
  await run(initdb, [...initArgs], { cwd: folder })
  const port = await freePort()
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  let server: ChildProcess | null = null

  const start = async () => {
    const [postgres, args] = as('postgres', [
      ...['-D', data, '-p', String(port), '-k', folder, '-h', '127.0.0.1'],
      ...['-c', 'shared_buffers=16MB', '-c', 'max_connections=60', '-c', 'fsync=off'],
    ])
    const started = spawn(postgres, [...args], { cwd: folder, stdio: 'ignore' })
    server = started
    process.once('exit', () => started.kill('SIGQUIT'))
    await untilReady(url, started)
  }
  const end = async (signal: NodeJS.Signals) => {
    const ending = server
    server = null
    if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return
    const exited = new Promise((resolve) => ending.once('exit', resolve))
    ending.kill(signal)
    await exited
  }
  await start()
  return {
    url,
    start,
    kill: () => end('SIGQUIT'),
    stop: async () => {
      await end('SIGINT')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Server {
  readonly url: string
  stop(): Promise<void>
}

let shared: Promise<Server> | null = null
let users = 0
let databases = 0

/**
 * A fresh, empty database in this process's cluster, or in the one that QUARRY_TEST_POSTGRES_URL names. The cluster
 * ends with its last database.
 */
export async function createTestPostgres(): Promise<{
  readonly url: string
  readonly remove: () => Promise<void>
}> {
  users += 1
  shared ??= sharedServer()
  const server = await shared
  const name = `quarry_test_${process.pid}_${++databases}`
  await runOn(server.url, `CREATE DATABASE ${name}`)
  const url = new URL(server.url)
  url.pathname = `/${name}`
  return {
    url: url.href,
    remove: async () => {
      await runOn(server.url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
      users -= 1
      if (users > 0) return
      shared = null
      await server.stop()
    },
  }
}

async function sharedServer(): Promise<Server> {
  const url = process.env['QUARRY_TEST_POSTGRES_URL']
  return url === undefined ? startTestPostgres() : { url, stop: async () => {} }
}

async function runOn(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

async function findPrograms(): Promise<string> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => [])
  const debian = versions
    .map(Number)
    .filter((version) => version >= 15)
    .sort((a, b) => b - a)
    .map((version) => `/usr/lib/postgresql/${version}/bin`)
  const path = (process.env['PATH'] ?? '').split(':')
  for (const folder of [...debian, ...path]) {
    const files: readonly string[] = await readdir(folder).catch(() => [])
    if (files.includes('initdb')) return folder
  }
  throw new Error(
    'this test needs Postgres 15 or newer: apt-get install postgresql, or name a server in QUARRY_TEST_POSTGRES_URL',
  )
}

/** Postgres refuses to run as root, so root hands it to the user that the Debian package made. */
async function serverUser() {
  if (process.getuid?.() !== 0) return null
  const uid = Number((await run('id', ['-u', 'postgres'])).stdout)
  const gid = Number((await run('id', ['-g', 'postgres'])).stdout)
  return { uid, gid, flags: [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'] }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}

async function untilReady(url: string, server: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    if (server.exitCode !== null) throw new Error(`postgres ended with code ${server.exitCode}`)
    try {
      await runOn(url, 'SELECT 1')
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  throw new Error('postgres did not answer within a minute')
}
