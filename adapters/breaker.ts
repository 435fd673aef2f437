import type { Clock } from '../src/core/budget.ts'
import { QuarryError } from '../src/core/errors.ts'

export type BreakerState = 'closed' | 'open' | 'half_open'

export interface BreakerOptions {
  readonly name: string
  /** Failures in a row that open it. */
  readonly failuresMax: number
  /** How long it stays open before one call may try. */
  readonly openMs: number
  readonly clock?: Clock | undefined
  readonly onState?: ((state: BreakerState) => void) | undefined
}

/**
 * Stops calling an upstream that keeps failing. Only its own trouble counts, that is a retryable error other than
 * `rate_limited`: a refused input or a «slow down» proves that it is alive. While open, calls reject at once with
 * `unavailable` and `details.reason` `circuit_open`; then a single call probes.
 */
export interface Breaker {
  run<T>(work: () => Promise<T>): Promise<T>
  /** What a call would be rejected with now; null when it would be let through. */
  refusal(): QuarryError | null
  state(): BreakerState
}

type Outcome = 'answered' | 'failed' | 'abandoned'

export function createBreaker(options: BreakerOptions): Breaker {
  const clock = options.clock ?? (() => performance.now())
  let state: BreakerState = 'closed'
  let failures = 0
  let openedAt = 0

  const moveTo = (next: BreakerState): void => {
    if (state === next) return
    if (next === 'open') openedAt = clock()
    state = next
    options.onState?.(next)
  }
  const refusal = (): QuarryError | null => {
    const waitMs = openedAt + options.openMs - clock()
    if (state === 'closed' || (state === 'open' && waitMs <= 0)) return null
    return new QuarryError('unavailable', `${options.name} keeps failing and is not called`, {
      details: { reason: 'circuit_open', retryAfterMs: Math.max(1, Math.ceil(waitMs)) },
    })
  }
  const settle = (outcome: Outcome, isProbe: boolean): void => {
    if (outcome === 'failed') {
      failures += 1
      if (isProbe || failures >= options.failuresMax) moveTo('open')
    } else if (outcome === 'answered') {
      failures = 0
      moveTo('closed')
    } else if (isProbe) {
      state = 'open'
    }
  }

  return {
    refusal,
    state: () => state,
    run: async (work) => {
      const refused = refusal()
      if (refused !== null) throw refused
      const isProbe = state === 'open'
      if (isProbe) moveTo('half_open')
      try {
        const result = await work()
        settle('answered', isProbe)
        return result
      } catch (error) {
        settle(outcomeOf(error), isProbe)
        throw error
      }
    },
  }
}

function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof QuarryError) || isAbandoned(error)) return 'abandoned'
  return error.retryable && error.code !== 'rate_limited' ? 'failed' : 'answered'
}

/** Ends a call that nobody waits for any more; it says nothing about the upstream. */
export function abandoned(): QuarryError {
  return new QuarryError('deadline_exceeded', 'nobody waits for this call any more', {
    details: { reason: 'abandoned' },
  })
}

/** Whether an error is `abandoned`'s. */
export function isAbandoned(error: QuarryError): boolean {
  return error.details['reason'] === 'abandoned'
}
