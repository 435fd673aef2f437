import type { Worker } from 'node:worker_threads'
import pg from 'pg'
import { QuarryError } from '../../../core/errors.ts'
import { startThread } from '../../../core/spawnable.ts'
import { POOL_SEARCH_PATH } from '../connection.ts'
import type { FromThread, ThreadData, ToThread } from './pglite-thread.ts'
import { ThreadStream } from './thread-stream.ts'

export interface Notice {
  readonly channel: string
  readonly payload: string
}

/** PGlite's one session, for as long as its thread lives. Once ended it stays so: a new one is a new object. */
export interface PgliteSession {
  query(statement: pg.QueryConfig): Promise<pg.QueryResult>
  /** Whether a transaction is open, as the database itself said after the last statement. */
  inTransaction(): boolean
  /** False from the moment that it is told to end; `ended` says when it is gone. */
  alive(): boolean
  readonly ended: Promise<QuarryError>
  /** Ends the thread at once, like kill -9 does with a process; what is under way rejects with the reason. */
  kill(reason: QuarryError): Promise<void>
  /** Writes the shutdown checkpoint and ends the thread. */
  close(): Promise<void>
}

export async function openPgliteSession(
  data: ThreadData,
  onNotice: (notice: Notice) => void,
): Promise<PgliteSession> {
  const thread = startThread(new URL('./pglite-thread.ts', import.meta.url), { workerData: data })
  const ending = watchEnd(thread)
  await Promise.race([
    nextMessage(thread, 'ready'),
    ending.ended.then((reason) => Promise.reject(reason)),
  ])
  const client = await connect(thread)
  client.on('notification', ({ channel, payload }) => onNotice({ channel, payload: payload ?? '' }))
  const kill = async (reason: QuarryError) => {
    ending.giveReason(reason)
    await thread.terminate()
  }
  return {
    query: (statement) =>
      client.query(statement).catch((error: unknown) => {
        throw ending.reason() ?? error
      }),
    inTransaction: () => ending.reason() === null && client.getTransactionStatus() !== 'I',
    alive: () => ending.reason() === null,
    ended: ending.ended,
    kill,
    close: async () => {
      ending.giveReason(new QuarryError('unavailable', 'the database is closed'))
      const closed = Promise.race([nextMessage(thread, 'closed'), ending.ended])
      thread.postMessage({ kind: 'close' } satisfies ToThread)
      await closed
      await thread.terminate()
    },
  }
}

/** Everything that node-postgres would otherwise read from the environment is named here. */
async function connect(thread: Worker): Promise<pg.Client> {
  const client = new pg.Client({
    stream: () => new ThreadStream(thread) as never,
    host: 'localhost',
    port: 5432,
    user: 'postgres',
    database: 'postgres',
    password: '',
    options: '',
    ssl: false,
  })
  client.on('error', () => {}) // told by `ended`
  await client.connect()
  await client.query(`SET search_path = ${POOL_SEARCH_PATH}`)
  return client
}

function nextMessage(thread: Worker, kind: FromThread['kind']): Promise<void> {
  return new Promise((resolve) => {
    const look = (message: FromThread) => {
      if (message.kind !== kind) return
      thread.off('message', look)
      resolve()
    }
    thread.on('message', look)
  })
}

/** Why the thread ended: what it was told, what it threw, or that it just went. */
function watchEnd(thread: Worker) {
  let reason: QuarryError | null = null
  const giveReason = (given: QuarryError) => {
    reason ??= given
  }
  thread.once('error', (error) =>
    giveReason(
      new QuarryError(
        'unavailable',
        `the embedded database broke: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      ),
    ),
  )
  const ended = new Promise<QuarryError>((resolve) => {
    thread.once('exit', () => {
      giveReason(new QuarryError('unavailable', 'the embedded database ended unexpectedly'))
      resolve(reason as unknown as QuarryError)
    })
  })
  return { ended, giveReason, reason: () => reason }
}
