import { setTimeout as sleep } from 'node:timers/promises'
import type { Job } from '../catalog/catalog.ts'
import { presentJob } from './present/job.ts'

const POLL_MS = 250
/** Keeps proxies and the server's own idle timeout from cutting a quiet stream. */
const HEARTBEAT_MS = 15_000
const FINAL: ReadonlySet<Job['state']> = new Set(['done', 'failed', 'cancelled'])

export interface JobEvents {
  readonly first: Job
  readonly read: () => Promise<Job | null>
  readonly signal: AbortSignal
  /** The stream ends after this; clients reconnect. */
  readonly lifeMs: number
  readonly onError: (error: unknown) => void
}

/** Server-sent events: `progress` at every change and `end` with the last one; then the stream closes. */
export function streamJobEvents(events: JobEvents): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const chunks = jobEventTexts(events)
  return new ReadableStream({
    pull: async (controller) => {
      try {
        const { done, value } = await chunks.next()
        if (done) controller.close()
        else controller.enqueue(encoder.encode(value))
      } catch (error) {
        if (!events.signal.aborted) events.onError(error)
        controller.close()
      }
    },
    cancel: async () => {
      await chunks.return()
    },
  })
}

async function* jobEventTexts({
  first,
  read,
  signal,
  lifeMs,
}: JobEvents): AsyncGenerator<string, void> {
  const endsAt = Date.now() + lifeMs
  let job: Job | null = first
  let sent = ''
  let sentAt = 0
  while (job !== null && Date.now() < endsAt) {
    const data = JSON.stringify(presentJob(job))
    if (FINAL.has(job.state)) {
      yield `event: end\ndata: ${data}\n\n`
      return
    }
    if (data !== sent) yield `event: progress\ndata: ${data}\n\n`
    else if (Date.now() - sentAt > HEARTBEAT_MS) yield ': still here\n\n'
    if (data !== sent || Date.now() - sentAt > HEARTBEAT_MS) sentAt = Date.now()
    sent = data
    await sleep(POLL_MS, undefined, { signal })
    job = await read()
  }
}
