import { isTurnOver, nextTurn } from './turns.ts'
import { unending } from './unending.ts'

/** Called between small pieces of work, gives the event loop back whenever all such work has had its share of a turn. */
export type Pace = () => Promise<void> | undefined

export function createPace(): Pace {
  // Not an async function: to await nothing costs a third of awaiting a promise that is kept already.
  return () => (isTurnOver() ? nextTurn(unending) : undefined)
}
