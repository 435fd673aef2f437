import { isTurnOver, nextTurn } from './turns.ts'

/** Called between small pieces of work, gives the event loop back whenever all such work has had its share of a turn. */
export type Pace = () => Promise<void>

/** Nobody gives up on work that is paced: it is part of a write that has begun. */
const unending = new AbortController().signal

export function createPace(): Pace {
  return async () => {
    if (isTurnOver()) await nextTurn(unending)
  }
}
