import { QuarryError } from '../../src/core/errors.ts'
import type { Judgments, Ranked } from '../types.ts'
import { averagePrecision, precision, recall, reciprocalRank, success, unjudged } from './binary.ts'
import type { Metric } from './metric.ts'
import { exponentialGain, linearGain, ndcg } from './ndcg.ts'
import { hitWithinTokens } from './token-budget.ts'

/** Tokens of a ranked document as a prompt would hold it for this query. */
export type TokensOf = (id: string, query: string) => number

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
 * @param tokensOf needed by `hit_rate_tokens` alone
 * @throws QuarryError `invalid_request` for a name that is none
 */
export function parseMetric(name: string, tokensOf?: TokensOf): Metric {
  const [, kind = '', cut] = /^([a-z_]+)(?:@([1-9]\d{0,8}))?$/.exec(name) ?? []
  if (kind === WITHIN_TOKENS && cut !== undefined) return tokenMetric(name, Number(cut), tokensOf)
  if (!isCut(kind) || (cut === undefined && !UNCUT.has(kind))) throw unknownMetric(name)
  const of: Cut = CUTS[kind]
  const k = cut === undefined ? Number.POSITIVE_INFINITY : Number(cut)
  return { name, score: (ranking, judgments) => of(ranking, judgments, k) }
}

function tokenMetric(name: string, tokensMax: number, tokensOf: TokensOf | undefined): Metric {
  if (tokensOf === undefined)
    throw new QuarryError(
      'invalid_request',
      `metric "${name}" needs the token counts of what was retrieved, and there are none here`,
    )
  return {
    name,
    score: (ranking, judgments, query) => {
      const sized = ranking.map(({ id }) => ({ id, tokens: tokensOf(id, query) }))
      return hitWithinTokens(sized, judgments, tokensMax)
    },
  }
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
