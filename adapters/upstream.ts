import { Budget } from '../src/core/budget.ts'
import { QuarryError } from '../src/core/errors.ts'
import { abandoned, type Breaker, type BreakerState, createBreaker } from './breaker.ts'
import { abortError } from './http.ts'
import { createLimiter } from './limiter.ts'

export interface UpstreamOptions {
  readonly name: string
  readonly concurrency: number
  readonly breaker: { readonly failuresMax: number; readonly openMs: number }
  readonly onBreaker?: ((name: string, state: BreakerState) => void) | undefined
}

/** Runs work against an upstream and settles at the caller's abort, whatever the work does. */
export type Lane = <T>(work: (signal: AbortSignal) => Promise<T>, caller: AbortSignal) => Promise<T>

/** One model server: its circuit, and lanes that each have their own places and timeout. */
export interface Upstream {
  /** Lanes keep ingestion from taking the places of queries. */
  lane(timeoutMs: number): Lane
}

export function createUpstream(options: UpstreamOptions): Upstream {
  const { name, onBreaker } = options
  const breaker = createBreaker({
    name,
    ...options.breaker,
    onState: (state) => onBreaker?.(name, state),
  })
  return { lane: (timeoutMs) => openLane(breaker, options.concurrency, timeoutMs) }
}

/**
 * A caller whose deadline passes stops waiting, but the call itself lives on to the lane's own timeout: only so does
 * the breaker learn whether the upstream hangs or the caller was in too much of a hurry. A caller that goes away for
 * any other reason takes the call with it.
 */
function openLane(breaker: Breaker, concurrency: number, timeoutMs: number): Lane {
  const limiter = createLimiter(concurrency)
  return async (work, caller) => {
    if (caller.aborted) throw abortError(caller)
    const refused = breaker.refusal()
    if (refused !== null) throw refused
    const wire = new AbortController()
    const onAbort = (): void => {
      if (!isDeadline(caller.reason)) wire.abort(abandoned())
    }
    caller.addEventListener('abort', onAbort, { once: true })
    const attempt = () =>
      breaker.run(() => Budget.start(timeoutMs, { signal: wire.signal }).run(work))
    const pending = limiter
      .run(attempt, caller)
      .finally(() => caller.removeEventListener('abort', onAbort))
    return await settleAtAbort(pending, caller)
  }
}

/** The promise, or the signal's reason if that comes first. */
export function settleAtAbort<T>(pending: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortError(signal))
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    pending.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

function isDeadline(reason: unknown): boolean {
  if (reason instanceof QuarryError) return reason.code === 'deadline_exceeded'
  return reason instanceof DOMException && reason.name === 'TimeoutError'
}
