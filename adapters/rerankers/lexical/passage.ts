import type { Pace } from '../../../src/core/pace.ts'
import { type RunTable, termsEnd, termsFrom } from './run-table.ts'

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

/** One above the query's own number of each term, by the table's number of it; 0 for all others. */
export type Marks = Uint8Array

export function marksOf(termIds: ReadonlyMap<string, number>, table: RunTable): Marks {
  const marked = [...termIds].map(([term, id]) => [table.numberOf(term), id] as const)
  const marks = new Uint8Array(1 + Math.max(0, ...marked.map(([number]) => number)))
  for (const [number, id] of marked) marks[number] = id + 1
  return marks
}

/** Reads a passage for the query's terms, giving the event loop back in between; null once the signal aborts. */
export async function readPassage(
  { context, text }: { readonly context: string; readonly text: string },
  marks: Marks,
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
        const run = table.at(field, start, end)
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
  return unit <= 0x20 ? unit === 0x20 || (unit >= 9 && unit <= 13) : unit >= 0xa0 && FAR.has(unit)
}

const FAR = new Set(
  [...'\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff'].map((space) => space.charCodeAt(0)),
)
for (let unit = 0x2000; unit <= 0x200a; unit += 1) FAR.add(unit)
