import { compareResults, type Difference } from '../../eval/compare.ts'
import type { EvalResult, QueryResult } from '../../eval/result/schema.ts'
import type { Stage } from '../../eval/target.ts'
import { QuarryError } from '../core/errors.ts'
import { createPace } from '../core/pace.ts'

export interface Comparison {
  readonly queries: { readonly base: number; readonly candidate: number; readonly compared: number }
  readonly differences: readonly Difference[]
}

export interface Compared {
  readonly stages?: readonly Stage[] | undefined
  readonly metrics?: readonly string[] | undefined
  readonly confidence?: number | undefined
}

/**
 * What changed from the base to the candidate, over the queries that both asked and that were judged alike both times:
 * golden queries come and go between two evals.
 * @throws QuarryError `invalid_request` when they have none in common
 */
export async function compareEvals(
  base: EvalResult,
  candidate: EvalResult,
  options: Compared,
): Promise<Comparison> {
  const common = await commonQueries(base, candidate)
  if (common.size === 0)
    throw new QuarryError(
      'invalid_request',
      'the two evals have no query in common with the same text and judgments',
    )
  const differences = await compareResults(
    restricted(base, common),
    restricted(candidate, common),
    options,
  )
  const queries = {
    base: base.queries.length,
    candidate: candidate.queries.length,
    compared: common.size,
  }
  return { queries, differences }
}

async function commonQueries(
  base: EvalResult,
  candidate: EvalResult,
): Promise<ReadonlySet<string>> {
  const pace = createPace()
  const byId = new Map(candidate.queries.map((query) => [query.id, query]))
  const common = new Set<string>()
  for (const query of base.queries) {
    const other = byId.get(query.id)
    if (other !== undefined && judgmentsOf(query) === judgmentsOf(other)) common.add(query.id)
    await pace()
  }
  return common
}

function judgmentsOf({ text, relevant }: QueryResult): string {
  const grades = relevant.map(({ document, grade }) => JSON.stringify([document, grade]))
  return JSON.stringify([text, grades.toSorted()])
}

/** What is left is the same on both sides, and so are the hashes that stand for it. */
function restricted(result: EvalResult, common: ReadonlySet<string>): EvalResult {
  const dataset = {
    ...result.dataset,
    queries: common.size,
    queries_hash: 'common',
    judgments_hash: 'common',
  }
  return { ...result, dataset, queries: result.queries.filter(({ id }) => common.has(id)) }
}
