import pg from 'pg'
import type { QuarryError } from '../../../core/errors.ts'
import type { Connection } from '../connection.ts'
import type { Notice, PgliteSession } from './pglite-session.ts'

type Acquire = (signal?: AbortSignal) => Promise<Connection>

export interface NoticeHub {
  subscribe(onNotice: (notice: Notice) => void, onLost: (reason: QuarryError) => void): () => void
}

/** Notices of the one session, handed to everybody who asked, and asked for again after it had to be reopened. */
export function createNoticeHub() {
  const subscribers = new Set<{
    readonly onNotice: (notice: Notice) => void
    readonly onLost: (reason: QuarryError) => void
  }>()
  const channels = new Set<string>()

  const subscribe: NoticeHub['subscribe'] = (onNotice, onLost) => {
    const subscriber = { onNotice, onLost }
    subscribers.add(subscriber)
    return () => subscribers.delete(subscriber)
  }

  const listen = async (
    channel: string,
    onNotice: (payload: string) => void,
    acquire: Acquire,
  ): Promise<() => Promise<void>> => {
    const stop = subscribe(
      (notice) => {
        if (notice.channel === channel) onNotice(notice.payload)
      },
      () => {},
    )
    const connection = await acquire()
    try {
      await connection.query({ text: `LISTEN ${pg.escapeIdentifier(channel)}` })
      channels.add(channel)
    } finally {
      await connection.release(false)
    }
    return async () => stop()
  }

  return {
    subscribe,
    listen,
    publish: (notice: Notice) => {
      for (const subscriber of [...subscribers]) subscriber.onNotice(notice)
    },
    lost: (reason: QuarryError) => {
      for (const subscriber of [...subscribers]) subscriber.onLost(reason)
    },
    listenAgain: async (session: PgliteSession) => {
      for (const channel of channels)
        await session.query({ text: `LISTEN ${pg.escapeIdentifier(channel)}` })
    },
  }
}
