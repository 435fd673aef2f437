import { z } from 'zod'
import { parseMetric } from '../../../eval/metrics/parse-metric.ts'
import { resultSchema } from '../../../eval/result/schema.ts'
import { STAGES } from '../../../eval/target.ts'
import { EVAL_STATES } from '../../catalog/evals.ts'
import { QuarryError } from '../../core/errors.ts'
import { LIMITS, type Limits } from '../../core/limits.ts'
import { collectionId, nextCursor, pageQuery, text, timestamp, within } from './common.ts'
import { retrieveSchema } from './retrieve.ts'

const DEPTH = 100
const K = 10
const METRICS_MAX = 16

/** Of the first 10, and of all that was asked for. */
export function defaultMetrics(depth: number): readonly string[] {
  const k = Math.min(K, depth)
  const all = Math.min(DEPTH, depth)
  const names = [`ndcg@${k}`, `recall@${k}`, `recall@${all}`, `mrr@${k}`, `map@${all}`]
  return [...new Set(names)]
}

const stages = z.array(z.enum(STAGES)).min(1)

const metrics = z
  .array(z.string().max(64).superRefine(refuseUnknownMetric))
  .min(1)
  .max(METRICS_MAX)
  .describe(
    '`ndcg@10` (linear gain, as trec_eval), `ndcg_exp@10`, `recall@k`, `precision@k`, `mrr@k`, `map`, `success@k`, `unjudged@k`, `hit_rate_tokens@4000` within a budget of tokens. Findings are about the first. nDCG, recall, MRR and MAP without it',
  )

/** Which evals may be asked for, within the limits in force. */
export function evalSchema(limits: Limits) {
  const overrides = retrieveSchema(limits)
    .pick({ candidates: true, filter: true, fusion: true, rerank: true, query_expansion: true })
    .describe('Laid over the policy for this eval alone, to try something')
  return z
    .strictObject({
      collection: collectionId,
      name: text.min(1).max(256).optional().describe('For people'),
      stages: stages
        .default([...STAGES])
        .describe('Where to measure; one that the collection lacks is left out and named'),
      metrics: metrics.optional(),
      k: within(LIMITS.topK)
        .optional()
        .describe(`Where a relevant document counts as shown; ${K} without it`),
      depth: within(LIMITS.topK).default(DEPTH).describe('Chunks asked of each stage'),
      sample: z
        .int()
        .min(1)
        .max(limits.evalSample)
        .optional()
        .describe('So many golden queries, the same ones each time; all without it'),
      budget_ms: within(LIMITS.budgetMs).default(limits.budgetMs).describe('Of each retrieval'),
      request: overrides.optional(),
    })
    .superRefine(refuseDeeperMetrics)
}

export const defaultK = (depth: number): number => Math.min(K, depth)

export type EvalBody = z.output<ReturnType<typeof evalSchema>>

/** A metric of the first 100 over the first 50 would be another one by the same name. */
function refuseDeeperMetrics(
  {
    depth,
    k = 1,
    metrics: names = [],
  }: { depth: number; k?: number | undefined; metrics?: readonly string[] | undefined },
  context: z.RefinementCtx,
): void {
  if (k > depth)
    context.addIssue({ code: 'custom', path: ['k'], message: `is more than depth ${depth}` })
  for (const [at, metric] of names.entries())
    if (isCutDeeper(metric, depth))
      context.addIssue({
        code: 'custom',
        path: ['metrics', at],
        message: `looks further than depth ${depth}`,
      })
}

/** The number of `hit_rate_tokens` is one of tokens. */
function isCutDeeper(metric: string, depth: number): boolean {
  const [kind, cut = 0] = metric.split('@')
  return kind !== 'hit_rate_tokens' && Number(cut) > depth
}

function refuseUnknownMetric(name: string, context: z.RefinementCtx): void {
  try {
    parseMetric(name)
  } catch (error) {
    if (!(error instanceof QuarryError)) throw error
    context.addIssue({ code: 'custom', message: error.message })
  }
}

export const evalParams = z.strictObject({ eval: text.min(1).max(128) })

export function evalPageQuery(limits: Limits) {
  return pageQuery(limits).extend({ collection: collectionId.optional() })
}

const { queries, texts: _texts, ...summary } = resultSchema.shape

const fields = {
  id: z.string(),
  collection: z.string(),
  name: z.string().nullable(),
  state: z.enum(EVAL_STATES),
  progress: z.strictObject({ done: z.int(), total: z.int() }).describe('In golden queries'),
  request: z.record(z.string(), z.unknown()).describe('As asked, with what was filled in'),
  reason: z.string().nullable().describe('Why it failed'),
  created_at: timestamp,
  started_at: timestamp.nullable(),
  finished_at: timestamp.nullable(),
}

export const evalAnswer = z.strictObject({
  ...fields,
  result: z
    .strictObject(summary)
    .nullable()
    .describe('Scores by stage with 95 % intervals, latencies, what was lost where, findings'),
})

export const evalList = z.strictObject({
  evals: z.array(z.strictObject(fields)),
  next_cursor: nextCursor,
})

export const evalQueryList = z.strictObject({
  queries: z.array(queries.element),
  next_cursor: nextCursor,
})

export const evalResultFile = resultSchema

export const compareBody = z.strictObject({
  base: text.min(1).max(128).describe('Id of the eval before'),
  candidate: text.min(1).max(128).describe('Id of the eval after'),
  stages: stages.optional().describe('All that both have by default'),
  metrics: metrics.optional().describe('All that both have by default'),
  confidence: z.number().min(0.5).max(0.999).default(0.95),
})

const number = z.number()

export const comparisonAnswer = z.strictObject({
  base: z.string(),
  candidate: z.string(),
  queries: z
    .strictObject({ base: z.int(), candidate: z.int(), compared: z.int() })
    .describe('Compared are those that both asked and that were judged alike both times'),
  differences: z.array(
    z.strictObject({
      stage: z.enum(STAGES),
      metric: z.string(),
      base: number,
      candidate: number,
      difference: number.describe('Candidate minus base'),
      low: number.describe('Of the interval, by paired bootstrap'),
      high: number,
      p: number.describe('Of a difference so large if the two were alike, by randomisation'),
      queries: z.int().describe('That both answered in full'),
      better: z.int(),
      worse: z.int(),
    }),
  ),
})
