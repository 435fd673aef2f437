import { QuarryError } from '../../src/core/errors.ts'
import { STAGES } from '../target.ts'
import { atLeast, type Bound, notRun } from './bound.ts'
import type { SuiteContext } from './context.ts'
import { meanOf, NDCG, type SetScores } from './score-set.ts'
import { analyzerOf, SET_NAMES } from './sets.ts'

const MARGIN_LEAST = -0.002
const ABOVE_BOTH_LEAST = 0.5
const MINILM_LEAST = 0.7

/** Fusion by the defaults, fitted to none of the sets, against the better of its two legs. */
export async function measureHybrid(context: SuiteContext): Promise<readonly Bound[]> {
  const sets = await defaultScores(context)
  const margins = sets.map((scores) => [scores.name, marginOf(scores)] as const)
  const names = [
    'hybrid: worst margin over the better leg',
    'hybrid: share of sets above both legs',
  ]
  const [worst = '', above = ''] = names
  return [
    ...(margins.length === 0
      ? [
          notRun(worst, '>=', MARGIN_LEAST, 'there are no sets'),
          notRun(above, '>=', ABOVE_BOTH_LEAST, 'there are no sets'),
        ]
      : [
          atLeast(worst, Math.min(...margins.map(([, margin]) => margin)), MARGIN_LEAST, {
            margins: rounded(margins),
          }),
          atLeast(
            above,
            margins.filter(([, margin]) => margin > 0).length / margins.length,
            ABOVE_BOTH_LEAST,
            { sets: margins.length },
          ),
        ]),
    await withMiniLm(context),
  ]
}

/** Of every set that is there, at every stage; shared with the bounds of reranking. */
export async function defaultScores(context: SuiteContext): Promise<readonly SetScores[]> {
  const found: SetScores[] = []
  for (const name of SET_NAMES) {
    const setup = { embedder: 'default', analyzer: analyzerOf(name) } as const
    const scores = await context.scores(name, setup, STAGES)
    if (scores !== null) found.push(scores)
  }
  return found
}

function marginOf(scores: SetScores): number {
  const legs = [meanOf(scores, 'dense', NDCG), meanOf(scores, 'lexical', NDCG)]
  return meanOf(scores, 'fused', NDCG) - Math.max(...legs)
}

async function withMiniLm(context: SuiteContext): Promise<Bound> {
  const name = `hybrid with MiniLM: scifact ${NDCG}`
  try {
    const setup = { embedder: 'minilm', analyzer: 'english' } as const
    const scores = await context.scores('scifact', setup, STAGES)
    if (scores === null) return notRun(name, '>=', MINILM_LEAST, 'there is no set scifact')
    return atLeast(name, meanOf(scores, 'fused', NDCG), MINILM_LEAST, {
      dense: meanOf(scores, 'dense', NDCG),
      lexical: meanOf(scores, 'lexical', NDCG),
    })
  } catch (error) {
    if (!(error instanceof QuarryError) || error.code !== 'unsupported') throw error
    return notRun(name, '>=', MINILM_LEAST, error.message)
  }
}

export function rounded(values: readonly (readonly [string, number])[]): Record<string, number> {
  return Object.fromEntries(values.map(([name, value]) => [name, Math.round(value * 1e4) / 1e4]))
}
