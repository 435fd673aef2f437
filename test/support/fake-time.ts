import { vi } from 'vitest'

const STEP_MS = 1
const PATIENCE_MS = 120_000

/**
 * Lets time pass until the work settles, in steps that take no real time: a deadline is then met or missed the same
 * way on a busy machine as on an idle one. Call `vi.useFakeTimers()` first.
 */
export async function inFakeTime<T>(work: Promise<T>): Promise<T> {
  let settled = false
  const end = (): void => {
    settled = true
  }
  work.then(end, end)
  for (let passedMs = 0; passedMs < PATIENCE_MS; passedMs += STEP_MS) {
    await vi.advanceTimersByTimeAsync(settled ? 0 : STEP_MS)
    if (settled) return work
  }
  throw new Error(`not settled after ${PATIENCE_MS} ms`)
}
