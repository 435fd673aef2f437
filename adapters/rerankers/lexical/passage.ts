import type { Pace } from '../../../src/core/pace.ts'
import type { Query } from './query.ts'
import { type Numbers, type RunTable, termsEnd, termsFrom } from './run-table.ts'

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

/** What else is to be done with each run of a passage, given by its place in the table. */
export type OnRun = (run: number) => void

/** The query's terms as the table knows them. */
export interface Asked {
  readonly numbers: Numbers
  /** One above the query's own number of a term, by the table's; 0 for what is not asked. */
  readonly marks: Uint8Array
}

export function askedOf({ termIds }: Query, table: RunTable): Asked {
  const numbers = new Map([...termIds.keys()].map((term) => [term, table.numberOf(term)]))
  const marks = new Uint8Array(1 + Math.max(0, ...numbers.values()))
  for (const [term, id] of termIds) marks[numbers.get(term) as number] = id + 1
  return { numbers, marks }
}

/** Reads a passage for the query's terms, giving the event loop back in between; null once the signal aborts. */
export async function readPassage(
  { context, text }: { readonly context: string; readonly text: string },
  { numbers, marks }: Asked,
  table: RunTable,
  { pace, signal }: { readonly pace: Pace; readonly signal: AbortSignal },
  onRun: OnRun | null,
): Promise<Passage | null> {
  const terms: number[] = []
  const places: number[] = []
  let length = 0
  const note = (run: number): void => {
    const { words } = table
    const end = termsEnd(words, run)
    for (let at = termsFrom(run); at < end; at += 1) {
      const number = words[at] as number
      const mark = number < marks.length ? (marks[number] as number) : 0
      if (mark > 0) {
        terms.push(mark - 1)
        places.push(length)
      }
      length += 1
    }
  }
  const read = async (field: string): Promise<void> => {
    let runs = 0
    for (let start = 0; start < field.length && !signal.aborted; ) {
      const end = endOfRun(field, start)
      if (end > start) {
        const run = table.at(field, start, end, numbers)
        note(run)
        onRun?.(run)
      }
      start = end + 1
      runs += 1
      if (runs % RUNS_PER_SLICE === 0) await pace()
    }
    await pace()
  }
  await read(context)
  const contextCount = terms.length
  await read(text)
  return signal.aborted ? null : { terms, places, contextCount, length }
}

function endOfRun(text: string, start: number): number {
  let end = start
  while (end < text.length && !isSpace(text.charCodeAt(end))) end += 1
  return end
}

/** What JavaScript takes for white space, by code unit. */
function isSpace(unit: number): boolean {
  if (unit < 0xa0) return unit === 0x20 || (unit >= 9 && unit <= 13)
  if (unit < 0x1680 || unit > 0x3000) return unit === 0xa0 || unit === 0xfeff
  return FAR.has(unit)
}

const FAR = new Set([...'\u1680\u2028\u2029\u202f\u205f\u3000'].map((space) => space.charCodeAt(0)))
for (let unit = 0x2000; unit <= 0x200a; unit += 1) FAR.add(unit)
