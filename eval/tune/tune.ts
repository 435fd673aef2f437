import { QuarryError } from '../../src/core/errors.ts'
import { createPace } from '../../src/core/pace.ts'
import type { Evaluation } from '../evaluate.ts'
import type { Metric } from '../metrics/metric.ts'
import { comparePaired, type PairedComparison } from '../statistics/compare-paired.ts'
import type { EvalQuery } from '../types.ts'
import { foldsOf } from './folds.ts'
import { type FusionChoice, fusionGrid } from './fusion-grid.ts'
import { scoreFusion } from './score-fusion.ts'

/** One way of indexing the documents, with what both legs answered the same queries. */
export interface Variant {
  readonly name: string
  /** What the policy has to say to be indexed so, as the API takes it; empty for what is there now. */
  readonly policy: Readonly<Record<string, unknown>>
  readonly evaluation: Evaluation
}

export interface TuneOptions {
  readonly metric: Metric
  readonly folds: number
  readonly seed: number
}

export interface Choice extends FusionChoice {
  readonly variant: string
  readonly policy: Variant['policy']
  /** Mean over all queries, on which it was chosen: what it gains is not to be read from this. */
  readonly mean: number
}

export interface Tuned {
  readonly queries: number
  /** Mean of what serves now: the fused stage of the first variant, as it answered. */
  readonly current: number
  /** Best on all queries. */
  readonly best: Choice
  /** What each fold would have chosen without looking at itself. */
  readonly byFold: readonly Choice[]
  /**
   * What tuning gains on queries that it has not seen: each fold scored by what the other folds chose, against what
   * serves now.
   */
  readonly gain: PairedComparison
  /** Whether the gain is above chance: its interval lies above 0. */
  readonly isBetter: boolean
  /** The better leg alone, to which fusion has to add something. */
  readonly legs: { readonly dense: number; readonly lexical: number }
}

/** Fewer say nothing about what one chooses on nine tenths of them. */
const QUERIES_MIN = 20

/**
 * Chooses among ways of indexing and of fusing by what they score on judged queries, and says by cross-validation what
 * the choice is worth (Stone 1974): the mean on the queries it was made on always flatters.
 * @throws QuarryError `invalid_request` with too few queries, or variants that were not asked the same
 */
export async function tune(variants: readonly Variant[], options: TuneOptions): Promise<Tuned> {
  const [first] = variants
  const queries = first?.evaluation.dataset.queries ?? []
  checkQueries(variants, queries)
  const grid = variants.flatMap((variant) =>
    fusionGrid(variant.evaluation.depth).map((choice) => ({ variant, choice })),
  )
  const scores = await scoreAll(grid, queries, options.metric)
  const now = queries.map((query) => scoreNow(first as Variant, query, options.metric))
  const all = queries.map((_, at) => at)

  const heldOut = new Float64Array(queries.length)
  const byFold: Choice[] = []
  for (const fold of foldsOf(queries.length, options.folds, options.seed)) {
    const own = new Set(fold)
    const others = all.filter((at) => !own.has(at))
    const chosen = bestOf(scores, others)
    for (const at of fold) heldOut[at] = scores[chosen]?.[at] ?? 0
    byFold.push(choiceOf(grid[chosen], meanAt(scores[chosen], others)))
  }
  const best = bestOf(scores, all)
  const gain = await comparePaired(
    now.map((score, at) => [score, heldOut[at] as number] as const),
    { seed: options.seed },
  )
  const share = (dense: number): number =>
    grid.findIndex(
      ({ variant, choice }) => variant === first && choice.fusion.weights.dense === dense,
    )
  return {
    queries: queries.length,
    current: meanAt(now, all),
    best: choiceOf(grid[best], meanAt(scores[best], all)),
    byFold,
    gain,
    isBetter: gain.low > 0,
    legs: { dense: meanAt(scores[share(1)], all), lexical: meanAt(scores[share(0)], all) },
  }
}

interface Tried {
  readonly variant: Variant
  readonly choice: FusionChoice
}

function scoreNow(
  { evaluation: { dataset, stages } }: Variant,
  { id }: EvalQuery,
  metric: Metric,
): number {
  const documents = stages.get('fused')?.get(id)?.documents ?? []
  return metric.score(documents, dataset.qrels.get(id) ?? new Map())
}

/** By choice, then by query. */
async function scoreAll(
  tried: readonly Tried[],
  queries: readonly EvalQuery[],
  metric: Metric,
): Promise<number[][]> {
  const pace = createPace()
  const scores: number[][] = []
  for (const { variant, choice } of tried) {
    const row: number[] = []
    for (const query of queries) {
      row.push(scoreFusion(variant.evaluation, query, choice, metric))
      await pace()
    }
    scores.push(row)
  }
  return scores
}

/** The first of the best: earlier variants, and simpler settings, stand first. */
function bestOf(scores: readonly (readonly number[])[], at: readonly number[]): number {
  let best = 0
  let most = Number.NEGATIVE_INFINITY
  for (const [index, row] of scores.entries()) {
    const mean = meanAt(row, at)
    if (mean <= most + TIE) continue
    best = index
    most = mean
  }
  return best
}

/** Sums of the same numbers in another order differ by less. */
const TIE = 1e-9

function meanAt(row: readonly number[] = [], at: readonly number[]): number {
  return at.reduce((sum, index) => sum + (row[index] ?? 0), 0) / at.length
}

function choiceOf(tried: Tried | undefined, mean: number): Choice {
  if (tried === undefined) throw new QuarryError('internal', 'nothing was tried')
  const { variant, choice } = tried
  return { ...choice, variant: variant.name, policy: variant.policy, mean }
}

function checkQueries(variants: readonly Variant[], queries: readonly EvalQuery[]): void {
  if (queries.length < QUERIES_MIN)
    throw new QuarryError(
      'invalid_request',
      `tuning needs at least ${QUERIES_MIN} queries with a relevant document; there are ${queries.length}`,
    )
  const ids = queries.map(({ id }) => id).join('\n')
  for (const { name, evaluation } of variants) {
    const { dataset, stages } = evaluation
    if (dataset.queries.map(({ id }) => id).join('\n') !== ids)
      throw new QuarryError('invalid_request', `variant ${name} was asked other queries`)
    for (const stage of ['dense', 'lexical', 'fused'] as const)
      if (!stages.has(stage))
        throw new QuarryError(
          'invalid_request',
          `variant ${name} has no ${stage} stage, so there is nothing to tune`,
        )
  }
}
