/** Text as an index analyses it; the same function for the same analyzer, or nothing is remembered. */
export type Analyze = (text: string) => readonly string[]

const RUNS_MAX = 50_000
const RUN_CHARS_MAX = 32

const known = new WeakMap<Analyze, Map<string, readonly string[]>>()

/**
 * Analyses what stands between two white spaces, and remembers it over all queries, since passages say much in the same
 * words. Forgets everything when full: the common words are back at once.
 */
export function analysedRuns(analyze: Analyze): Analyze {
  const runs = known.get(analyze) ?? new Map<string, readonly string[]>()
  known.set(analyze, runs)
  return (run) => {
    const found = runs.get(run)
    if (found !== undefined) return found
    const terms = analyze(run)
    if (run.length > RUN_CHARS_MAX) return terms
    if (runs.size >= RUNS_MAX) runs.clear()
    runs.set(run, terms)
    return terms
  }
}
