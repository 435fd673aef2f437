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
  readonly #parent: AbortSignal | undefined

  private constructor(deadlineMs: number, clock: Clock, parent: AbortSignal | undefined) {
    this.#deadlineMs = deadlineMs
    this.#clock = clock
    this.#parent = parent
  }

  static start(
    totalMs: number,
    options: { clock?: Clock | undefined; signal?: AbortSignal | undefined } = {},
  ): Budget {
    const clock = options.clock ?? (() => performance.now())
    return new Budget(clock() + totalMs, clock, options.signal)
  }

  remainingMs(): number {
    return Math.max(0, this.#deadlineMs - this.#clock())
  }

  child(limits: { capMs?: number | undefined; reserveMs?: number | undefined }): Budget {
    const leftMs = this.remainingMs() - (limits.reserveMs ?? 0)
    const allowedMs = Math.max(0, Math.min(limits.capMs ?? leftMs, leftMs))
    return new Budget(this.#clock() + allowedMs, this.#clock, this.#parent)
  }

  /**
   * Runs `work` until it settles or the budget ends. The signal is aborted at the
   * deadline, and the promise rejects then even when `work` ignores its signal.
   */
  async run<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#parent?.throwIfAborted()
    const allowedMs = this.remainingMs()
    if (allowedMs === 0) throw new QuarryError('deadline_exceeded', 'no time left for this stage')
    const controller = new AbortController()
    let stop: (reason: unknown) => void = () => {}
    const stopped = new Promise<never>((_resolve, reject) => {
      stop = (reason) => {
        controller.abort(reason)
        reject(reason)
      }
    })
    const timer = setTimeout(
      () =>
        stop(
          new QuarryError('deadline_exceeded', `stage ran past its ${Math.round(allowedMs)} ms`),
        ),
      allowedMs,
    )
    const onCallerAbort = (): void => stop(this.#parent?.reason)
    this.#parent?.addEventListener('abort', onCallerAbort, { once: true })
    try {
      return await Promise.race([work(controller.signal), stopped])
    } finally {
      clearTimeout(timer)
      this.#parent?.removeEventListener('abort', onCallerAbort)
    }
  }
}
