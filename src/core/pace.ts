import { setImmediate as nextTurn } from 'node:timers/promises'

const HOLD_MS = 5

/** Called between small pieces of work, gives the event loop back whenever it has been held for 5 ms. */
export type Pace = () => Promise<void>

export function createPace(): Pace {
  let since = performance.now()
  return async () => {
    if (performance.now() - since < HOLD_MS) return
    await nextTurn()
    since = performance.now()
  }
}
