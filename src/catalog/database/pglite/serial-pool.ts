import { EventEmitter } from 'node:events'
import type { QueryConfig, QueryResult } from 'pg'
import { QuarryError } from '../../../core/errors.ts'
import type { PoolClientLike, PoolLike } from '../../database.ts'
import type { Connection } from '../connection.ts'
import type { NoticeHub } from './notice-hub.ts'

type Acquire = () => Promise<Connection>

type Listener = (...values: never[]) => void

/** The callers know what each of their events carries; an emitter's type does not. */
const anyListener = (listener: Listener) => listener as (...values: unknown[]) => void

/** A node-postgres pool whose clients share PGlite's one session without meeting in it. */
export function createSerialPool(acquire: Acquire, hub: NoticeHub): PoolLike {
  const events = new EventEmitter()
  return {
    query: async (text, values) => {
      const connection = await acquire()
      try {
        return await connection.query(toStatement(text, values))
      } finally {
        await connection.release(false)
      }
    },
    connect: async () => createClient(acquire, hub),
    on: (event, listener) => events.on(event, anyListener(listener)),
    end: async () => {}, // the database closes it
  }
}

/** Names would collide in the shared session, so every statement is prepared afresh. */
function toStatement(text: string | object, values: readonly unknown[] | undefined): QueryConfig {
  const { name: _dropped, ...statement } = (
    typeof text === 'string' ? { text } : text
  ) as QueryConfig
  return values === undefined ? statement : { ...statement, values: [...values] }
}

/** Takes its turn at a statement and keeps it while a transaction is open: a client that only listens holds up nobody. */
function createClient(acquire: Acquire, hub: NoticeHub): PoolClientLike {
  const events = new EventEmitter()
  let connection: Connection | null = null
  let queue: Promise<unknown> = Promise.resolve()
  let released = false
  const unsubscribe = hub.subscribe(
    (notice) => events.emit('notification', notice),
    (reason) => {
      if (events.listenerCount('error') > 0) events.emit('error', reason)
    },
  )

  const run = async (statement: QueryConfig): Promise<QueryResult> => {
    if (released)
      throw new QuarryError('internal', 'a statement came after its client was released')
    connection ??= await acquire()
    const held = connection
    try {
      return await held.query(statement)
    } finally {
      if (!held.inTransaction()) {
        connection = null
        await held.release(false)
      }
    }
  }
  const client = {
    query: (text: string | object, values?: readonly unknown[]) => {
      const result = queue.then(() => run(toStatement(text, values)))
      queue = result.catch(() => {})
      return result
    },
    on: (event: string, listener: Listener) => {
      events.on(event, anyListener(listener))
      return client
    },
    removeListener: (event: string, listener: Listener) => {
      events.removeListener(event, anyListener(listener))
      return client
    },
    removeAllListeners: (event?: string) => {
      events.removeAllListeners(event)
      return client
    },
    release: () => {
      released = true
      unsubscribe()
      const held = connection
      connection = null
      void held?.release(false)
    },
  }
  return client
}
