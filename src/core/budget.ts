import { setMaxListeners } from 'node:events'
import { QuarryError } from './errors.ts'

export type Clock = () => number

/**
 * One absolute deadline for a whole request, handed down and never extended.
 * A stage gets a child budget: its own cap, or what is left once `reserveMs` is
 * set aside for the stages after it, whichever ends first.
 */
export class Budget {
  readonly #deadlineMs: number
  readonly #clock: Clock
  /** All are listened to: on Node 20 what `AbortSignal.any` makes of them can be collected and then never fires. */
  readonly #parents: readonly AbortSignal[]

  private constructor(deadlineMs: number, clock: Clock, parents: readonly AbortSignal[]) {
    this.#deadlineMs = deadlineMs
    this.#clock = clock
    this.#parents = parents
  }

  static start(
    totalMs: number,
    options: { clock?: Clock | undefined; signal?: AbortSignal | undefined } = {},
  ): Budget {
    const clock = options.clock ?? (() => performance.now())
    return new Budget(clock() + totalMs, clock, listOf(options.signal))
  }

  remainingMs(): number {
    return Math.max(0, this.#deadlineMs - this.#clock())
  }

  /** `signal` ends the child before its time, as the caller's own signal does. */
  child(limits: {
    capMs?: number | undefined
    reserveMs?: number | undefined
    signal?: AbortSignal | undefined
  }): Budget {
    const leftMs = this.remainingMs() - (limits.reserveMs ?? 0)
    const allowedMs = Math.max(0, Math.min(limits.capMs ?? leftMs, leftMs))
    const parents = [...this.#parents, ...listOf(limits.signal)]
    return new Budget(this.#clock() + allowedMs, this.#clock, parents)
  }

  /** Runs parts of one stage side by side. The first to fail aborts the others and is what rejects. */
  async together<T>(parts: readonly ((budget: Budget) => Promise<T>)[]): Promise<T[]> {
    const failed = createController()
    const shared = this.child({ signal: failed.signal })
    try {
      return await Promise.all(parts.map((part) => part(shared)))
    } catch (cause) {
      failed.abort(cause)
      throw cause
    }
  }

  /**
   * Runs `work` until it settles or the budget ends. The signal is aborted at the
   * deadline, and the promise rejects then even when `work` ignores its signal.
   * With `noticeMs` the signal is aborted that much before, for work that can hand
   * over what it has by then.
   */
  async run<T>(work: (signal: AbortSignal) => Promise<T>, noticeMs = 0): Promise<T> {
    for (const parent of this.#parents) parent.throwIfAborted()
    const allowedMs = this.remainingMs()
    if (allowedMs === 0) throw new QuarryError('deadline_exceeded', 'no time left for this stage')
    const controller = createController()
    const late = (): QuarryError =>
      new QuarryError('deadline_exceeded', `stage ran past its ${Math.round(allowedMs)} ms`)
    let stop: (reason: unknown) => void = () => {}
    const stopped = new Promise<never>((_resolve, reject) => {
      // Rejects before it aborts: what `work` makes of the abort must not win the race.
      stop = (reason) => {
        reject(reason)
        controller.abort(reason)
      }
    })
    const timers = [setTimeout(() => stop(late()), allowedMs)]
    if (noticeMs > 0)
      timers.push(setTimeout(() => controller.abort(late()), Math.max(0, allowedMs - noticeMs)))
    const unlisten = this.#parents.map((parent) => onAbort(parent, stop))
    try {
      return await Promise.race([work(controller.signal), stopped])
    } finally {
      for (const timer of timers) clearTimeout(timer)
      for (const off of unlisten) off()
    }
  }
}

function listOf(signal: AbortSignal | undefined): readonly AbortSignal[] {
  return signal === undefined ? [] : [signal]
}

/** Any number of calls may listen at once: Node's warning of a leak at eleven would be a false alarm. */
function createController(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}

function onAbort(signal: AbortSignal, stop: (reason: unknown) => void): () => void {
  const listener = (): void => stop(signal.reason)
  signal.addEventListener('abort', listener, { once: true })
  return () => signal.removeEventListener('abort', listener)
}
