import type { Budget } from '../core/budget.ts'
import { QuarryError } from '../core/errors.ts'
import type { LexicalStatistics } from '../core/lexical-index.ts'
import type { RetrievalPlan, RetrieveDeps } from './deps.ts'
import type { RetrieveRequest } from './request.ts'
import type { Trace } from './trace.ts'

/** One retrieval under way: what its stages have in common. */
export interface Run {
  readonly request: RetrieveRequest
  readonly plan: RetrievalPlan
  readonly deps: RetrieveDeps
  readonly budget: Budget
  readonly trace: Trace
  /** How far the indexes had come when the search began; null when unknown. */
  readonly position: string | null
}

/** The catalog says that this index serves, so one that a store does not have is late, not wrongly asked for. */
export async function whenBuilt<T>(search: () => T | Promise<T>): Promise<T> {
  try {
    return await search()
  } catch (cause) {
    if (cause instanceof QuarryError && cause.code === 'not_found')
      throw new QuarryError('unavailable', `not built here yet: ${cause.message}`, { cause })
    throw cause
  }
}

export async function statisticsOf(
  plan: RetrievalPlan,
  signal: AbortSignal,
): Promise<LexicalStatistics | null> {
  const { statistics, scope } = plan
  return statistics === null ? null : whenBuilt(() => statistics.statistics(scope, signal))
}
