import { isTurnOver, nextTurn } from './turns.ts'
import { unending } from './unending.ts'

/** Called between small pieces of work, gives the event loop back whenever all such work has had its share of a turn. */
export type Pace = () => Promise<void>

export function createPace(): Pace {
  return async () => {
    if (isTurnOver()) await nextTurn(unending)
  }
}
