import { setTimeout as sleep } from 'node:timers/promises'

/** How many callers are being served, so that work in the background can stand back. */
export interface Traffic {
  /** The same work, counted while it runs. */
  counted<In, Out>(work: (input: In) => Promise<Out>): (input: In) => Promise<Out>
  /** Resolves when nobody is being served, at the latest after `waitMs`; rejects at the abort. */
  quiet(waitMs: number, signal: AbortSignal): Promise<void>
}

const LOOK_MS = 5

export function createTraffic(clock: () => number = () => performance.now()): Traffic {
  let served = 0
  return {
    counted: (work) => async (input) => {
      served += 1
      try {
        return await work(input)
      } finally {
        served -= 1
      }
    },
    async quiet(waitMs, signal) {
      const endsAt = clock() + waitMs
      while (served > 0 && clock() < endsAt) await sleep(LOOK_MS, undefined, { signal })
    },
  }
}
