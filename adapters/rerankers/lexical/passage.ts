import type { Pace } from '../../../src/core/pace.ts'
import type { Analyze } from './analysed-runs.ts'
import type { Query } from './query.ts'

/** Where a passage has the query's terms. */
export interface Passage {
  /** Their occurrences in order: which term, and how many terms of all kinds stand before it. */
  readonly terms: readonly number[]
  readonly places: readonly number[]
  /** So many of the occurrences, the first ones, are in the context. */
  readonly contextCount: number
  /** In terms of all kinds, the context's with them. */
  readonly length: number
}

/** So many runs are read between two looks at the clock. */
const RUNS_PER_SLICE = 256

/** Reads a passage for the query's terms, giving the event loop back in between; null once the signal aborts. */
export async function readPassage(
  { context, text }: { readonly context: string; readonly text: string },
  { termIds }: Query,
  analyze: Analyze,
  { pace, signal }: { readonly pace: Pace; readonly signal: AbortSignal },
): Promise<Passage | null> {
  const terms: number[] = []
  const places: number[] = []
  let length = 0
  const note = (term: string): void => {
    const id = termIds.get(term)
    if (id !== undefined) {
      terms.push(id)
      places.push(length)
    }
    length += 1
  }
  const read = async (field: string): Promise<void> => {
    const runs = field.split(/\s+/)
    for (let from = 0; from < runs.length && !signal.aborted; from += RUNS_PER_SLICE) {
      const to = Math.min(runs.length, from + RUNS_PER_SLICE)
      for (let at = from; at < to; at += 1)
        for (const term of analyze(runs[at] as string)) note(term)
      await pace()
    }
  }
  await read(context)
  const contextCount = terms.length
  await read(text)
  return signal.aborted ? null : { terms, places, contextCount, length }
}
