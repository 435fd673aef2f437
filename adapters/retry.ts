import { setTimeout as sleep } from 'node:timers/promises'
import { QuarryError } from '../src/core/errors.ts'
import { abortError } from './http.ts'

export interface RetryOptions {
  readonly retriesMax: number
  /** A longer `Retry-After` is not waited for: the error goes to the caller, who can plan. */
  readonly waitMsMax: number
  readonly signal: AbortSignal
  /** First wait; it doubles, up to `backoffMsMax`. */
  readonly backoffMs?: number | undefined
  readonly backoffMsMax?: number | undefined
  readonly random?: (() => number) | undefined
}

/** Tries again after retryable errors, waiting as long as the upstream asks or else ever longer with jitter. For ingestion only. */
export async function retrying<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      const waitMs = waitBefore(attempt, error, options)
      if (waitMs === null) throw error
      await pause(waitMs, options.signal)
    }
  }
}

/** Milliseconds until the next try; null when there must be none. */
function waitBefore(attempt: number, error: unknown, options: RetryOptions): number | null {
  if (!(error instanceof QuarryError) || !error.retryable) return null
  if (attempt >= options.retriesMax || options.signal.aborted) return null
  const random = options.random ?? Math.random
  const askedMs = error.details['retryAfterMs']
  // Jitter is added to what the upstream asks, never taken off it.
  if (typeof askedMs === 'number')
    return askedMs > options.waitMsMax ? null : askedMs + random() * Math.min(250, askedMs)
  const capMs = options.backoffMsMax ?? 8_000
  return Math.min(capMs, (options.backoffMs ?? 500) * 2 ** attempt) * (0.75 + random() * 0.25)
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch {
    throw abortError(signal)
  }
}
