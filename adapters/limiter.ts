import { abortError } from './http.ts'

/** Lets at most `concurrency` pieces of work run at once, the others in order of arrival. */
export interface Limiter {
  /** Rejects when the signal aborts before the work's turn has come. */
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>
}

export function createLimiter(concurrency: number): Limiter {
  const waiting = new Set<() => void>()
  let running = 0

  const turn = (signal: AbortSignal): Promise<void> => {
    if (running < concurrency) {
      running += 1
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = (): void => {
        waiting.delete(begin)
        reject(abortError(signal))
      }
      waiting.add(begin)
      signal.addEventListener('abort', leave, { once: true })
    })
  }
  /** The place goes straight to the next in line, so a newcomer cannot slip in between. */
  const pass = (): void => {
    const [next] = waiting
    if (next === undefined) {
      running -= 1
      return
    }
    waiting.delete(next)
    next()
  }

  return {
    run: async (work, signal) => {
      if (signal.aborted) throw abortError(signal)
      await turn(signal)
      try {
        return await work()
      } finally {
        pass()
      }
    },
  }
}
