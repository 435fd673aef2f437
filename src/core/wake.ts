/** A loop's alarm clock: it sleeps until somebody rings, the time is up, or the loop is closed. */
export interface Wake {
  ring(): void
  /** Resolves at the next ring, at once for a ring that nobody waited for, after `ms`, or at the abort. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export function createWake(): Wake {
  let rung = false
  let wakeUp: (() => void) | null = null
  return {
    ring() {
      rung = true
      wakeUp?.()
    },
    async sleep(ms, signal) {
      if (!rung && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const done = (): void => {
            clearTimeout(timer)
            signal.removeEventListener('abort', done)
            resolve()
          }
          const timer = setTimeout(done, ms)
          wakeUp = done
          signal.addEventListener('abort', done, { once: true })
        })
      }
      wakeUp = null
      rung = false
    },
  }
}

/** Doubles with every failure, up to `maxMs`. `failures` counts from 1. */
export function backoffMs(failures: number, firstMs: number, maxMs: number): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(30, Math.max(0, failures - 1)))
}
