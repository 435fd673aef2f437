/** Longest stretch of work in one turn of the event loop, over all calls together. */
const TURN_MS = 5

/** What is left of it to work that nobody waits for, while somebody waits. */
const BACKGROUND_MS = 0.5

let turnStartedMs = 0
let turnIsOpen = false
const waiting: (() => void)[] = []

/** Whether this turn of the event loop has had its share of work. Costs some tens of nanoseconds. */
export function isTurnOver(): boolean {
  return hasLasted(TURN_MS)
}

/** The same for writes: they take the whole of a turn only where nobody else wants one. */
export function isBackgroundTurnOver(): boolean {
  return hasLasted(waiting.length === 0 ? TURN_MS : BACKGROUND_MS)
}

/**
 * Waits for a turn of its own; rejects with the signal's reason once that is aborted. Turns go round: whoever waits
 * gets as much time as the others, however much work each of them has.
 */
export async function nextTurn(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    waiting.push(resolve)
    if (!turnIsOpen) openTurn(performance.now())
  })
  signal.throwIfAborted()
}

function hasLasted(ms: number): boolean {
  const nowMs = performance.now()
  if (!turnIsOpen) openTurn(nowMs)
  return nowMs - turnStartedMs >= ms
}

function openTurn(nowMs: number): void {
  turnIsOpen = true
  turnStartedMs = nowMs
  setImmediate(endTurn)
}

/** One at a time, since those resumed together would leave all the time to the first of them. */
function endTurn(): void {
  turnIsOpen = false
  const resume = waiting.shift()
  if (resume === undefined) return
  openTurn(performance.now())
  resume()
}
