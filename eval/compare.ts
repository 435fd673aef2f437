import { QuarryError } from '../src/core/errors.ts'
import { wholeScore } from './result/findings.ts'
import type { EvalResult } from './result/schema.ts'
import { comparePaired } from './statistics/compare-paired.ts'
import type { Stage } from './target.ts'

/** One metric of one stage, after minus before, over the queries that both answered in full. */
export interface Difference {
  readonly stage: Stage
  readonly metric: string
  readonly before: number
  readonly after: number
  readonly difference: number
  /** Interval of the difference, by paired bootstrap at the confidence asked for. */
  readonly low: number
  readonly high: number
  /** Chance of a difference at least as large if the two were alike, by randomisation; two-sided. */
  readonly p: number
  readonly queries: number
  readonly better: number
  readonly worse: number
}

export interface CompareOptions {
  /** All that both results have, by default. */
  readonly stages?: readonly Stage[] | undefined
  readonly metrics?: readonly string[] | undefined
  readonly confidence?: number | undefined
}

/**
 * What changed from one result to another on the same queries.
 * @throws QuarryError `invalid_request` when they can't be compared: other queries, other judgments, nothing in common
 */
export async function compareResults(
  before: EvalResult,
  after: EvalResult,
  options: CompareOptions = {},
): Promise<Difference[]> {
  checkComparable(before, after)
  const stages = wanted('stage', options.stages, stagesIn(before), stagesIn(after))
  const metrics = wanted('metric', options.metrics, before.metrics, after.metrics)
  const byId = new Map(after.queries.map((query) => [query.id, query]))
  const differences: Difference[] = []
  for (const stage of stages)
    for (const metric of metrics) {
      const pairs = before.queries.flatMap((query) => {
        const other = byId.get(query.id)
        const a = wholeScore(query, stage, metric)
        const b = other === undefined ? null : wholeScore(other, stage, metric)
        return a === null || b === null ? [] : [[a, b] as const]
      })
      differences.push(await differenceOf(stage, metric, pairs, options.confidence))
    }
  return differences
}

async function differenceOf(
  stage: Stage,
  metric: string,
  pairs: readonly (readonly [number, number])[],
  confidence?: number,
): Promise<Difference> {
  if (pairs.length === 0)
    throw new QuarryError('invalid_request', `no query was answered in full by both at ${stage}`)
  const { difference, low, high, p } = await comparePaired(pairs, { confidence })
  const mean = (side: 0 | 1): number =>
    pairs.reduce((sum, pair) => sum + pair[side], 0) / pairs.length
  return {
    stage,
    metric,
    before: mean(0),
    after: mean(1),
    difference,
    low,
    high,
    p,
    queries: pairs.length,
    better: pairs.filter(([a, b]) => b > a).length,
    worse: pairs.filter(([a, b]) => b < a).length,
  }
}

function checkComparable(before: EvalResult, after: EvalResult): void {
  const [a, b] = [before.dataset, after.dataset]
  if (a.queries_hash !== b.queries_hash)
    throw new QuarryError(
      'invalid_request',
      `the two results can't be compared: they asked other queries (${a.name}, ${a.queries} of them, and ${b.name}, ${b.queries})`,
    )
  if (a.judgments_hash !== b.judgments_hash)
    throw new QuarryError(
      'invalid_request',
      `the two results can't be compared: the judgments of ${a.name} changed between them (${a.judgments} before, ${b.judgments} after)`,
    )
}

function stagesIn({ stages }: EvalResult): readonly Stage[] {
  return stages.map(({ stage }) => stage)
}

/** What is asked for must be in both; by default everything that is. */
function wanted<T extends string>(
  kind: string,
  asked: readonly T[] | undefined,
  before: readonly T[],
  after: readonly T[],
): readonly T[] {
  const common = before.filter((name) => after.includes(name))
  const missing = asked?.find((name) => !common.includes(name))
  if (missing === undefined && common.length > 0) return asked ?? common
  throw new QuarryError(
    'invalid_request',
    missing === undefined
      ? `the two results have no ${kind} in common`
      : `${kind} "${missing}" is not in both results; these are: ${common.join(', ')}`,
  )
}
