import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { QuarryError } from '../../core/errors.ts'
import { watchMemory } from '../../core/memory-watch.ts'
import type { Metadata } from '../../core/model.ts'
import { bareEnvironment, rest, startChild, wake } from '../../core/spawnable.ts'
import type { ChunkDraft, ChunkerOptions, MediaType } from '../document.ts'
import { unparsable } from './parsed.ts'
import {
  type ChildMessage,
  type ChildSettings,
  type DocumentPart,
  MESSAGE_MAX,
} from './protocol.ts'

export interface DocumentToParse {
  readonly content: Uint8Array
  readonly mediaType: MediaType
  /** The caller's; it wins over the document's own. */
  readonly title: string | null
  readonly chunker: ChunkerOptions
}

export interface ParseResult {
  readonly title: string | null
  readonly metadata: Metadata
  readonly chunks: readonly ChunkDraft[]
  /** In UTF-16 units, as spans count. */
  readonly textLength: number
}

export interface ChildLimits {
  readonly parseMs: number
  readonly memoryMiB: number
}

const START_MS = 30_000
/** The rest is for code, buffers and the young generation; a larger heap would collect too late. */
const HEAP_SHARE = 0.6
const STDERR_CHARS = 2_000

/** One parsing process: one document at a time, and dead for good once anything went wrong but the document's own fault. */
export class ParserChild {
  readonly #process: ChildProcess
  readonly #limits: ChildLimits
  documents = 0

  private constructor(child: ChildProcess, limits: ChildLimits) {
    this.#process = child
    this.#limits = limits
  }

  /** Resolves when the child has its vocabulary loaded; `unavailable` when it does not get there. */
  static async start(settings: ChildSettings, limits: ChildLimits): Promise<ParserChild> {
    const child = startChild(new URL('./child.ts', import.meta.url), [JSON.stringify(settings)], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: bareEnvironment(),
      execArgv: [`--max-old-space-size=${Math.floor(limits.memoryMiB * HEAP_SHARE)}`],
    })
    let stderr = ''
    child.stderr?.on('data', (data) => {
      stderr = `${stderr}${data}`.slice(-STDERR_CHARS)
    })
    try {
      await ready(child)
    } catch (cause) {
      child.kill('SIGKILL')
      throw new QuarryError('unavailable', 'the parsing process did not start', {
        cause,
        details: { stderr },
      })
    }
    rest(child)
    return new ParserChild(child, limits)
  }

  get alive(): boolean {
    const { exitCode, signalCode, killed, connected } = this.#process
    return exitCode === null && signalCode === null && !killed && connected
  }

  /** Ends the child without harm: it has nothing of its own to lose. */
  kill(): void {
    this.#process.kill('SIGKILL')
  }

  /** `unsupported` for a document that cannot be parsed within its limits; the signal's reason when aborted. */
  async parse(document: DocumentToParse, signal: AbortSignal): Promise<ParseResult> {
    this.documents += 1
    wake(this.#process)
    const ending = new AbortController()
    try {
      const result = this.#collect(ending.signal)
      const stopped = this.#stopped(signal, ending.signal)
      const sent = this.#send(document)
      return await Promise.race([result, stopped, sent.then(() => result)])
    } catch (error) {
      if (!(error instanceof ChildFault)) this.kill()
      throw error instanceof ChildFault ? error.fault : error
    } finally {
      ending.abort()
      rest(this.#process)
    }
  }

  async #send({ content, mediaType, title, chunker }: DocumentToParse): Promise<void> {
    for (let at = 0; at === 0 || at < content.length; at += MESSAGE_MAX) {
      const message: DocumentPart = {
        task: at === 0 ? { mediaType, title, chunker } : undefined,
        part: content.subarray(at, at + MESSAGE_MAX),
        last: at + MESSAGE_MAX >= content.length,
      }
      await new Promise<void>((resolve) => {
        // A send that fails means a child that has died, and its end says more than this error.
        this.#process.send(message, undefined, undefined, () => resolve())
      })
    }
  }

  #collect(ended: AbortSignal): Promise<ParseResult> {
    const chunks: ChunkDraft[] = []
    return new Promise((resolve, reject) => {
      const onMessage = (message: ChildMessage): void => {
        if (message.kind === 'chunks') chunks.push(...message.chunks)
        else if (message.kind === 'done') {
          const { title, metadata, textLength } = message
          resolve({ title, metadata, chunks, textLength })
        } else if (message.kind === 'failed') {
          reject(new ChildFault(new QuarryError(message.code, message.message)))
        }
      }
      this.#process.on('message', onMessage)
      ended.addEventListener('abort', () => this.#process.off('message', onMessage))
    })
  }

  /** Rejects on the first of: the caller's abort, the deadline, too much memory, the child's end. */
  #stopped(signal: AbortSignal, ended: AbortSignal): Promise<never> {
    const { parseMs, memoryMiB } = this.#limits
    const child = this.#process
    return new Promise((_resolve, reject) => {
      const onAbort = (): void => reject(signal.reason)
      const onExit = (code: number | null, killed: NodeJS.Signals | null): void =>
        reject(crash(code, killed, memoryMiB))
      const timer = setTimeout(
        () => reject(unparsable(`takes longer to parse than the ${parseMs} ms allowed`)),
        parseMs,
      )
      watchMemory(child.pid, memoryMiB, ended, () => reject(tooLarge(memoryMiB)))
      signal.addEventListener('abort', onAbort, { once: true })
      child.once('exit', onExit)
      ended.addEventListener('abort', () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        child.off('exit', onExit)
      })
      if (signal.aborted) onAbort()
      if (!this.alive) onExit(child.exitCode, child.signalCode)
    })
  }
}

/** The child answered that the document is at fault; it is itself well. */
class ChildFault extends Error {
  readonly fault: QuarryError

  constructor(fault: QuarryError) {
    super(fault.message)
    this.fault = fault
  }
}

function tooLarge(memoryMiB: number): QuarryError {
  return unparsable(`needs more memory to parse than the ${memoryMiB} MiB allowed`)
}

/** Killed from outside (by an operator, by the kernel short of memory) is nobody's fault and may go well next time. */
function crash(code: number | null, signal: NodeJS.Signals | null, memoryMiB: number): QuarryError {
  if (signal === 'SIGKILL' || signal === 'SIGTERM') {
    return new QuarryError('unavailable', `the parsing process was ended by ${signal}`)
  }
  const outOfHeap = signal === 'SIGABRT' || signal === 'SIGTRAP' || code === 134 || code === 133
  if (outOfHeap) return tooLarge(memoryMiB)
  return unparsable(`made its parser crash (exit ${code ?? signal})`)
}

async function ready(child: ChildProcess): Promise<void> {
  const stop = new AbortController()
  const { signal } = stop
  const timer = setTimeout(() => stop.abort(new Error(`not ready within ${START_MS} ms`)), START_MS)
  try {
    const exited = once(child, 'exit', { signal }).then(([code, killed]) => {
      throw new Error(`ended with ${code ?? killed}`)
    })
    await Promise.race([once(child, 'message', { signal }), exited])
  } finally {
    clearTimeout(timer)
    stop.abort()
  }
}
