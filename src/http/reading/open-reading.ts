import { receiveMessageOnPort, type Worker } from 'node:worker_threads'
import { Budget } from '../../core/budget.ts'
import { QuarryError } from '../../core/errors.ts'
import { createPace } from '../../core/pace.ts'
import { startThread } from '../../core/spawnable.ts'
import type { ReceivedBody } from '../route.ts'
import { createRead, type ReadingLimits, type Readings } from './read-content.ts'
import type { ReadAnswer, ReadTask } from './reading-thread.ts'

/** Reads a body that carries documents or golden queries; a large one never holds the serving thread. */
export type Reading = <Kind extends keyof Readings>(
  kind: Kind,
  received: ReceivedBody,
) => Promise<Readings[Kind]>

/** Up to here reading a body takes less time than sending it to a thread and back. */
const INLINE_BYTES_MAX = 64 * 1024
/** A thread with nothing to read ends after this, so nobody need close it. */
const IDLE_MS = 30_000
/** Far above what the largest body takes, waiting for those before it included. */
const READ_MS = 30_000

/** The thread starts with the first large body. */
export function openReading(limits: ReadingLimits): Reading {
  const read = createRead(limits)
  let thread: ReadingThread | null = null
  return async (kind, received) => {
    if (received.bytes.byteLength <= INLINE_BYTES_MAX) return read(kind, received)
    if (thread === null || thread.ended) thread = new ReadingThread(limits)
    return thread.read(kind, received)
  }
}

type Parts = Extract<ReadAnswer, { parts: unknown }>

interface Pending {
  readonly resolve: (parts: Parts) => void
  readonly reject: (error: unknown) => void
}

class ReadingThread {
  ended = false
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  #sent = 0
  #idle: NodeJS.Timeout | undefined

  constructor(limits: ReadingLimits) {
    this.#worker = startThread(new URL('./reading-thread.ts', import.meta.url), {
      workerData: limits,
    })
    this.#worker.on('message', (answer: ReadAnswer) => this.#settle(answer))
    this.#worker.on('error', (error) => this.#fail(error))
    this.#worker.on('exit', () => this.#fail(null))
    // After the listeners: to listen takes a reference again, and an idle thread must not keep a process alive.
    this.#worker.unref()
  }

  async read<Kind extends keyof Readings>(
    kind: Kind,
    { bytes, mediaType, contentType, signal }: ReceivedBody,
  ): Promise<Readings[Kind]> {
    clearTimeout(this.#idle)
    this.#sent += 1
    const id = this.#sent
    const answered = new Promise<Parts>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
    })
    const task: ReadTask = { id, kind, content: { bytes, mediaType, contentType } }
    this.#worker.postMessage(task, [bytes.buffer])
    try {
      const read = await Budget.start(READ_MS, { signal }).run(async () => take(await answered))
      return (kind === 'document' ? read[0] : read) as Readings[Kind]
    } finally {
      this.#pending.delete(id)
      if (this.#pending.size === 0) this.#idle = setTimeout(() => this.#end(), IDLE_MS).unref()
    }
  }

  #settle(answer: ReadAnswer): void {
    const pending = this.#pending.get(answer.id)
    if ('error' in answer) {
      const { code, message, ...options } = answer.error
      pending?.reject(new QuarryError(code, message, options))
    } else if (pending === undefined) answer.parts.close()
    else pending.resolve(answer)
  }

  #fail(cause: unknown): void {
    this.ended = true
    const error = new QuarryError('unavailable', 'the thread that reads large bodies has ended', {
      cause,
    })
    for (const { reject } of this.#pending.values()) reject(error)
  }

  #end(): void {
    this.ended = true
    void this.#worker.terminate()
  }
}

/** Taking a part copies it into this thread, so the loop gets a turn between them. */
async function take({ count, parts }: Parts): Promise<readonly unknown[]> {
  const pace = createPace()
  const taken: unknown[] = []
  try {
    while (taken.length < count) {
      const part = receiveMessageOnPort(parts)
      if (part === undefined)
        throw new Error(`${taken.length} of ${count} parts came from the reading thread`)
      taken.push(part.message)
      await pace()
    }
    return taken
  } finally {
    parts.close()
  }
}
