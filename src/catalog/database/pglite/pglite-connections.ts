import type { QueryConfig, QueryResult } from 'pg'
import { QuarryError } from '../../../core/errors.ts'
import { type FolderLock, tryLockFolder } from '../../../core/folder-lock.ts'
import type { Connection, Connections } from '../connection.ts'
import { createNoticeHub } from './notice-hub.ts'
import { openPgliteSession, type PgliteSession } from './pglite-session.ts'
import type { ThreadData } from './pglite-thread.ts'
import { createSerialPool } from './serial-pool.ts'
import { createTurns, type Turn } from './turns.ts'

export interface PgliteSettings extends ThreadData {
  readonly statementMs: number
  readonly waitMs: number
}

/**
 * PGlite has one session, so its users take turns, each from BEGIN to COMMIT. A statement or an idle transaction that
 * outlasts `statementMs` costs the thread its life, since PGlite can't cancel; the next turn opens a new one.
 */
export async function openPgliteConnections(settings: PgliteSettings): Promise<Connections> {
  const lock = settings.dataDir === null ? null : await lockFolder(settings.dataDir)
  const hub = createNoticeHub()
  const turns = createTurns(settings.waitMs)
  let current: PgliteSession | null = null
  let closing: Promise<void> | null = null
  let closed = false

  const open = async (): Promise<PgliteSession> => {
    const session = await openPgliteSession(settings, hub.publish)
    current = session
    void session.ended.then((reason) => {
      if (current === session) current = null
      hub.lost(reason)
    })
    await hub.listenAgain(session)
    return session
  }

  const liveSession = async (): Promise<PgliteSession> => {
    if (current?.alive() === true) return current
    await current?.ended
    if (closed) throw isClosed()
    if (settings.dataDir === null) {
      throw new QuarryError('unavailable', 'the in-memory database ended, and its rows with it')
    }
    return open()
  }

  const acquire = async (signal?: AbortSignal): Promise<Connection> => {
    if (closing !== null) throw isClosed()
    const turn = await turns.take(signal)
    try {
      return createConnection(await liveSession(), turn, settings.statementMs)
    } catch (error) {
      turn.end()
      throw error
    }
  }

  const close = async (): Promise<void> => {
    const turn = await turns.take().catch(() => null)
    closed = true
    await current?.close()
    turn?.end()
    await lock?.release()
  }

  await open().catch(async (error: unknown) => {
    await lock?.release()
    throw error
  })
  return {
    kind: 'pglite',
    acquire,
    pool: createSerialPool(acquire, hub),
    listen: (channel, onNotice) => hub.listen(channel, onNotice, acquire),
    close: () => {
      closing ??= close()
      return closing
    },
  }
}

const isClosed = () => new QuarryError('unavailable', 'the database is closed')

/**
 * A turn on one session. It stays with that session: once it is over, no statement can run outside the transaction
 * that it began.
 */
function createConnection(session: PgliteSession, turn: Turn, statementMs: number): Connection {
  let over: QuarryError | null = null
  const tooLong = (what: string) =>
    new QuarryError('deadline_exceeded', `${what} for more than ${statementMs} ms and was stopped`)

  const kill = () => void session.kill(tooLong('a statement ran'))
  const expire = () => void leave(false, tooLong('a transaction stood idle'))
  let timer = setTimeout(expire, statementMs)

  const run = async (statement: QueryConfig): Promise<QueryResult> => {
    clearTimeout(timer)
    timer = setTimeout(kill, statementMs)
    try {
      return await session.query(statement)
    } finally {
      clearTimeout(timer)
    }
  }
  const query = async (statement: QueryConfig): Promise<QueryResult> => {
    if (over !== null) throw over
    try {
      return await run(statement)
    } finally {
      if (over === null) timer = setTimeout(expire, statementMs)
    }
  }
  const leave = async (broken: boolean, reason: QuarryError) => {
    if (over !== null) return
    over = reason
    clearTimeout(timer)
    const clean =
      !broken &&
      (!session.inTransaction() ||
        (await run({ text: 'ROLLBACK' }).then(
          () => true,
          () => false,
        )))
    if (!clean) await session.kill(new QuarryError('unavailable', 'the session had broken'))
    turn.end()
  }
  return {
    query,
    inTransaction: session.inTransaction,
    cancel: () => {},
    release: (broken) => leave(broken, new QuarryError('internal', 'the connection was released')),
  }
}

/** PGlite itself would let two processes open a folder, and lose rows. */
async function lockFolder(folder: string): Promise<FolderLock> {
  const lock = await tryLockFolder(folder)
  if (lock !== null) return lock
  throw new QuarryError(
    'conflict',
    `the data folder ${folder} is open already: a running server holds it: stop it, or pass --url to talk to it`,
    { details: { folder } },
  )
}
