import {
  type BackendFactory,
  createPostgresBackend,
  createRedisBackend,
  type IQueueBackend,
  runMigrations,
} from 'bullmq'
import type { PoolLike } from '../catalog/database.ts'
import type { Secret } from '../core/secret.ts'

export type QueueBackend =
  /** Postgres or PGlite: BullMQ's tables live in the schema `bullmq`, first in this pool's search path. */
  | { readonly kind: 'postgres'; readonly pool: PoolLike }
  /** `redis://` or `rediss://`; needs the optional package `ioredis`. */
  | { readonly kind: 'redis'; readonly url: Secret }

/** Where BullMQ keeps its jobs; each factory makes connections that their owner closes. */
export interface Transport {
  readonly producer: BackendFactory<IQueueBackend, object>
  readonly consumer: BackendFactory<IQueueBackend, object>
}

export async function openTransport(backend: QueueBackend): Promise<Transport> {
  if (backend.kind === 'redis') return redisTransport(backend.url)
  await migrate(backend.pool)
  return postgresTransport(backend.pool)
}

/**
 * A consumer holds one of the pool's connections to listen on. The pool's owner hears its errors and ends it; BullMQ
 * would add a listener for each queue and never take it off.
 */
function postgresTransport(pool: PoolLike): Transport {
  const connection: PoolLike = {
    query: (text, values) => pool.query(text, values),
    connect: () => pool.connect(),
    on: () => connection,
    end: async () => {},
  }
  const factory: BackendFactory<IQueueBackend, object> = (name, options, rest) =>
    createPostgresBackend(name, { ...options, connection: connection as never }, rest)
  return { producer: factory, consumer: factory }
}

/** BullMQ's own steps, in one transaction under an advisory lock: any number of processes may start at once. */
async function migrate(pool: PoolLike): Promise<void> {
  const client = await pool.connect()
  try {
    await runMigrations(client as never)
  } finally {
    client.release()
  }
}

/** The producer fails fast while Redis is away, since the outbox keeps what it could not add; a worker waits. */
function redisTransport(url: Secret): Transport {
  const factory =
    (connection: object): BackendFactory<IQueueBackend, object> =>
    (name, options, rest) =>
      createRedisBackend(name, { ...options, connection }, rest)
  return {
    producer: factory({ url: url.reveal(), enableOfflineQueue: false, maxRetriesPerRequest: 1 }),
    consumer: factory({ url: url.reveal(), maxRetriesPerRequest: null }),
  }
}
