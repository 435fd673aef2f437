import { z } from 'zod'
import { QuarryError } from '../../src/core/errors.ts'
import type { Question, Target, TargetAbout, TargetAnswer } from '../target.ts'
import { isLeg, STAGE_REQUESTS, stageScore } from './stage-request.ts'

export interface ApiTargetOptions {
  /** Posts a body to `/v1/retrieve` and gives what came back. */
  readonly post: (body: object, signal: AbortSignal) => Promise<unknown>
  readonly about: TargetAbout
  readonly collection: string
  readonly budgetMs: number
}

/** Asks a collection through the HTTP API, as a product backend does. Documents are the catalog's. */
export function apiTarget({ post, about, collection, budgetMs }: ApiTargetOptions): Target {
  return {
    about,
    async ask(question, signal) {
      const body = {
        collection,
        query: question.query,
        top_k: question.depth,
        budget_ms: budgetMs,
        explain: true,
        ...STAGE_REQUESTS[question.stage],
        ...(isLeg(question.stage) ? { query_expansion: null } : {}),
      }
      const startedMs = performance.now()
      const answer = await post(body, signal)
      return answerOf(question, answer, performance.now() - startedMs)
    },
  }
}

const leg = z.object({ score: z.number() }).nullish()

/** The parts of the API's answer that are looked at. */
const answerSchema = z.object({
  hits: z.array(
    z.object({
      id: z.string(),
      document_id: z.string(),
      text: z.string(),
      title: z.string().nullable(),
      score: z.number(),
      explain: z.object({ dense: leg, lexical: leg, rerank: leg }).nullish(),
    }),
  ),
  degraded: z.array(
    z.object({ stage: z.string(), reason: z.string(), detail: z.string().optional() }),
  ),
  timings_ms: z.record(z.string(), z.number()),
  usage: z.looseObject({ cache: z.string().optional() }),
})

function answerOf({ stage }: Question, answer: unknown, latencyMs: number): TargetAnswer {
  const parsed = answerSchema.safeParse(answer)
  if (!parsed.success)
    throw new QuarryError('upstream_failed', 'what answers /v1/retrieve is not a Quarry service', {
      cause: parsed.error,
      retryable: false,
    })
  const { hits, degraded, timings_ms: timingsMs, usage } = parsed.data
  return {
    hits: hits.map((hit) => ({
      chunk: hit.id,
      document: hit.document_id,
      score: stageScore(hit, stage),
      title: hit.title,
      text: hit.text,
    })),
    degraded,
    latencyMs,
    timingsMs,
    cached: usage.cache === 'hit',
  }
}
