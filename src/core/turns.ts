/** Longest stretch of work in one turn of the event loop, over all calls together. */
const TURN_MS = 5

let turnEndsMs = 0
let turnIsOpen = false
const waiting: (() => void)[] = []

/** Whether this turn of the event loop has had its share of work. Costs some tens of nanoseconds. */
export function isTurnOver(): boolean {
  const nowMs = performance.now()
  if (!turnIsOpen) {
    turnIsOpen = true
    turnEndsMs = nowMs + TURN_MS
    setImmediate(openNextTurn)
  }
  return nowMs >= turnEndsMs
}

/** Waits for the next turn; rejects with the signal's reason once that is aborted. */
export async function nextTurn(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    waiting.push(resolve)
  })
  signal.throwIfAborted()
}

function openNextTurn(): void {
  turnIsOpen = false
  for (const resume of waiting.splice(0)) resume()
}
