import type { Worker } from 'node:worker_threads'
import { type ErrorCode, QuarryError } from '../../../../src/core/errors.ts'
import { startThread } from '../../../../src/core/spawnable.ts'
import type { BuildJob, Built } from './job.ts'

/** Threads that write segments, so that the serving thread only opens what they wrote. */
export interface Builders {
  /** @throws QuarryError `unavailable` where the thread died or the engine is closing */
  run(job: BuildJob): Promise<Built>
  close(): Promise<void>
}

export interface BuildReply {
  readonly built?: Built
  readonly error?: {
    readonly code: ErrorCode | null
    readonly message: string
    readonly details: Readonly<Record<string, unknown>>
  }
}

/** One thread for each kind of job, so that a short seal never waits behind a merge of minutes. */
export function openBuilders(): Builders {
  const lanes = { seal: openLane(), merge: openLane() }
  return {
    run: (job) => lanes[job.kind].run(job),
    close: async () => {
      await Promise.all([lanes.seal.close(), lanes.merge.close()])
    },
  }
}

interface Waiting {
  readonly job: BuildJob
  readonly resolve: (built: Built) => void
  readonly reject: (error: unknown) => void
}

/** A thread that starts with its first job and works on one at a time. */
function openLane(): Builders {
  const queue: Waiting[] = []
  let running: Waiting | null = null
  let thread: Worker | null = null
  let closing = false

  const next = (): void => {
    const waiting = running === null ? queue.shift() : undefined
    if (waiting === undefined) return
    running = waiting
    thread ??= start()
    thread.ref()
    thread.postMessage(waiting.job)
  }
  const settle = (how: (waiting: Waiting) => void): void => {
    const waiting = running
    running = null
    thread?.unref()
    if (waiting !== null) how(waiting)
    next()
  }
  const start = (): Worker => {
    const started = startThread(new URL('./thread.ts', import.meta.url))
    started.on('message', (reply: BuildReply) => {
      settle(({ resolve, reject }) => {
        if (reply.built === undefined) reject(failureOf(reply))
        else resolve(reply.built)
      })
    })
    started.on('error', (cause) => {
      if (thread === started) thread = null
      settle(({ reject }) =>
        reject(new QuarryError('unavailable', 'a builder thread failed', { cause })),
      )
    })
    started.on('exit', (code) => {
      if (thread === started) thread = null
      settle(({ reject }) => reject(new QuarryError('unavailable', `a builder ended with ${code}`)))
    })
    return started
  }

  return {
    async run(job) {
      if (closing) throw new QuarryError('unavailable', 'the engine is closing')
      return await new Promise<Built>((resolve, reject) => {
        queue.push({ job, resolve, reject })
        next()
      })
    },
    async close() {
      closing = true
      for (const { reject } of queue.splice(0))
        reject(new QuarryError('unavailable', 'the engine is closing'))
      await thread?.terminate()
    },
  }
}

function failureOf({ error }: BuildReply): Error {
  const { code, message, details } = error ?? { code: null, message: 'no reply', details: {} }
  return code === null ? new Error(message) : new QuarryError(code, message, { details })
}
