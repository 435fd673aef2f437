import { QuarryError } from '../../src/core/errors.ts'
import type { Judgments, Ranked } from '../types.ts'
import { averagePrecision, precision, recall, reciprocalRank, success, unjudged } from './binary.ts'
import type { Metric } from './metric.ts'
import { exponentialGain, linearGain, ndcg } from './ndcg.ts'
import { hitWithinTokens } from './token-budget.ts'

type Cut = (ranking: readonly Ranked[], judgments: Judgments, k: number) => number

const CUTS = {
  ndcg: (ranking, judgments, k) => ndcg(ranking, judgments, k, linearGain),
  ndcg_exp: (ranking, judgments, k) => ndcg(ranking, judgments, k, exponentialGain),
  recall,
  precision,
  mrr: reciprocalRank,
  map: averagePrecision,
  success,
  unjudged,
} as const satisfies Record<string, Cut>

/** Say something of a whole ranking too; the others need their `@k`. */
const UNCUT: ReadonlySet<string> = new Set(['ndcg', 'ndcg_exp', 'mrr', 'map'])
const WITHIN_TOKENS = 'hit_rate_tokens'

/**
 * A metric by its name: `ndcg@10` (trec_eval's linear gain), `ndcg_exp@10` (2^grade − 1), `recall@k`, `precision@k`,
 * `mrr@k`, `map`, `map@k`, `success@k`, `unjudged@k`, and `hit_rate_tokens@4000` within a budget of tokens.
 * @throws QuarryError `invalid_request` for a name that is none
 */
export function parseMetric(name: string): Metric {
  const [, kind = '', cut] = /^([a-z_]+)(?:@([1-9]\d{0,8}))?$/.exec(name) ?? []
  if (kind === WITHIN_TOKENS && cut !== undefined)
    return {
      name,
      needsTokens: true,
      score: (ranking, judgments) => hitWithinTokens(ranking, judgments, Number(cut)),
    }
  if (!isCut(kind) || (cut === undefined && !UNCUT.has(kind))) throw unknownMetric(name)
  const of: Cut = CUTS[kind]
  const k = cut === undefined ? Number.POSITIVE_INFINITY : Number(cut)
  return { name, needsTokens: false, score: (ranking, judgments) => of(ranking, judgments, k) }
}

/** Whether any of them is scored by the tokens of what is ranked. */
export function needTokens(names: readonly string[]): boolean {
  return names.some((name) => parseMetric(name).needsTokens)
}

function isCut(kind: string): kind is keyof typeof CUTS {
  return Object.hasOwn(CUTS, kind)
}

function unknownMetric(name: string): QuarryError {
  const known = [...Object.keys(CUTS), WITHIN_TOKENS].map((kind) => `${kind}@<k>`)
  return new QuarryError(
    'invalid_request',
    `no metric is called "${name}"; there are ${[...known, ...UNCUT].join(', ')}`,
  )
}
