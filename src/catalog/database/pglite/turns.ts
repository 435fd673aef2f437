import { QuarryError } from '../../../core/errors.ts'

export interface Turn {
  /** Idempotent. */
  end(): void
}

/** Hands one thing to one holder at a time, in the order of asking. */
export function createTurns(waitMs: number) {
  const waiting: (() => void)[] = []
  let taken = false

  const next = () => {
    const start = waiting.shift()
    if (start === undefined) taken = false
    else start()
  }

  const begin = (): Turn => {
    taken = true
    let ended = false
    return {
      end: () => {
        if (ended) return
        ended = true
        next()
      },
    }
  }

  /** Rejects with the signal's reason, or with `unavailable` after `waitMs`; the place in the queue is given up then. */
  const take = async (signal?: AbortSignal): Promise<Turn> => {
    signal?.throwIfAborted()
    if (!taken) return begin()
    return new Promise((resolve, reject) => {
      const leave = (reason: unknown) => {
        const place = waiting.indexOf(start)
        if (place < 0) return
        waiting.splice(place, 1)
        stopWaiting()
        reject(reason)
      }
      const onAbort = () => leave(signal?.reason)
      const timer = setTimeout(() => leave(busyFor(waitMs)), waitMs)
      const stopWaiting = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
      }
      const start = () => {
        stopWaiting()
        resolve(begin())
      }
      waiting.push(start)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }
  return { take }
}

function busyFor(waitMs: number): QuarryError {
  return new QuarryError(
    'unavailable',
    `the embedded database was busy for ${waitMs} ms; it serves one transaction at a time`,
  )
}
