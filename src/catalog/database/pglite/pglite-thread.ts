import { parentPort, workerData } from 'node:worker_threads'
import { vector } from '@electric-sql/pglite-pgvector'
import { type DurableDatabase, openDurable, prepareFolder } from './durable.ts'

/** What the serving thread sends; `bytes` are complete messages of the Postgres wire protocol. */
export type ToThread =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'close' }

export type FromThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'closed' }

export interface ThreadData {
  /** Null keeps the database in memory. */
  readonly dataDir: string | null
  /** A dumped data folder to start an in-memory database from. */
  readonly image: Uint8Array | null
}

/**
 * Postgres in this thread, spoken to in its own wire protocol: the driver on the serving thread is the one that
 * talks to a real server, so types, errors and notices are the same on both.
 */
async function serve(): Promise<void> {
  const port = parentPort
  if (port === null) throw new Error('pglite-thread runs in a worker thread only')
  const { dataDir, image } = workerData as ThreadData
  if (dataDir !== null) await prepareFolder(dataDir, { vector })
  const database = await openDurable(dataDir, { vector }, image)
  port.on('message', (message: ToThread) => {
    void handle(database, message, (reply, transfer) => port.postMessage(reply, transfer ?? []))
  })
  port.postMessage({ kind: 'ready' } satisfies FromThread)
}

type Reply = (message: FromThread, transfer?: readonly ArrayBuffer[]) => void

/** A rejection here is unhandled on purpose: it ends the thread, and the serving thread opens a new one. */
async function handle(database: DurableDatabase, message: ToThread, reply: Reply): Promise<void> {
  if (message.kind === 'close') {
    await database.close()
    reply({ kind: 'closed' })
    parentPort?.close()
    return
  }
  const bytes = await database.execute(message.bytes)
  reply({ kind: 'bytes', bytes }, [bytes.buffer])
}

await serve()
