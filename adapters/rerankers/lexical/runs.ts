import { RunTable } from './run-table.ts'

/** Text as an index analyses it; the same function for the same analyzer, or nothing is remembered. */
export type Analyze = (text: string) => readonly string[]

/** Text as tokens of a model; the same function for the same model, or nothing is remembered. */
export type Tokenize = (text: string) => readonly number[]

const tables = new WeakMap<Analyze, WeakMap<Tokenize, RunTable>>()

/** Without a model. */
export const noTokens: Tokenize = () => []

/** Reads runs, and remembers them over all queries, since passages say much in the same words. */
export function runsOf(analyze: Analyze, tokenize: Tokenize): RunTable {
  const known = tables.get(analyze) ?? new WeakMap<Tokenize, RunTable>()
  tables.set(analyze, known)
  const table = known.get(tokenize)
  if (table !== undefined && !table.isFull) return table
  // What is common is soon read again; who reads by the full one goes on with it.
  const fresh = new RunTable((run) => ({ terms: analyze(run), tokens: tokenize(run) }))
  known.set(tokenize, fresh)
  return fresh
}
