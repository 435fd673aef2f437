import pg from 'pg'

type OnNotice = (payload: string) => void

const RETRY_MIN_MS = 100
const RETRY_MAX_MS = 5_000

/** One connection for all LISTENs, opened with the first and reopened for as long as anybody listens. */
export function createListener(config: pg.ClientConfig) {
  const channels = new Map<string, Set<OnNotice>>()
  let client: Promise<pg.Client> | null = null
  let retryMs = RETRY_MIN_MS
  let timer: NodeJS.Timeout | undefined
  let closed = false

  const connect = async (): Promise<pg.Client> => {
    const fresh = new pg.Client({ ...config, statement_timeout: 0 })
    fresh.on('error', () => {}) // followed by `end`
    fresh.on('notification', ({ channel, payload }) => {
      for (const onNotice of channels.get(channel) ?? []) onNotice(payload ?? '')
    })
    await fresh.connect()
    fresh.once('end', reconnectLater)
    for (const channel of channels.keys())
      await fresh.query(`LISTEN ${pg.escapeIdentifier(channel)}`)
    retryMs = RETRY_MIN_MS
    return fresh
  }

  const open = (): Promise<pg.Client> => {
    client ??= connect()
    return client
  }

  function reconnectLater(): void {
    client = null
    if (closed) return
    timer = setTimeout(() => open().catch(reconnectLater), retryMs)
    timer.unref()
    retryMs = Math.min(RETRY_MAX_MS, retryMs * 2)
  }

  const listen = async (channel: string, onNotice: OnNotice): Promise<() => Promise<void>> => {
    const listeners = channels.get(channel) ?? new Set()
    channels.set(channel, listeners.add(onNotice))
    try {
      await (await open()).query(`LISTEN ${pg.escapeIdentifier(channel)}`)
    } catch (error) {
      listeners.delete(onNotice)
      throw error
    }
    return async () => {
      listeners.delete(onNotice)
    }
  }

  const close = async (): Promise<void> => {
    closed = true
    clearTimeout(timer)
    const open = await client?.catch(() => null)
    await open?.end()
  }
  return { listen, close }
}
