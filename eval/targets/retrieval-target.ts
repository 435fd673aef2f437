import type { CollectionId, TenantId } from '../../src/core/model.ts'
import type { RetrieveRequest, RetrieveResponse } from '../../src/retrieve/request.ts'
import type { Question, Target, TargetAbout, TargetAnswer } from '../target.ts'
import { isLeg, STAGE_REQUESTS, stageScore } from './stage-request.ts'

export interface RetrievalTargetOptions {
  readonly retrieve: (request: RetrieveRequest) => Promise<RetrieveResponse>
  readonly about: TargetAbout
  readonly tenant: TenantId
  readonly collection: CollectionId
  /** Of every single request. */
  readonly budgetMs: number
  readonly neighbours?: Target['neighbours']
}

/** Asks the central function of this process: an engine that was filled for the purpose, or the service itself. */
export function retrievalTarget(options: RetrievalTargetOptions): Target {
  const { retrieve, about, tenant, collection, budgetMs, neighbours } = options
  return {
    about,
    ...(neighbours === undefined ? {} : { neighbours }),
    async ask(question, signal) {
      const startedMs = performance.now()
      const response = await retrieve({
        tenant,
        collection,
        query: question.query,
        topK: question.depth,
        budgetMs,
        onDegraded: 'partial',
        require: [],
        explain: true,
        signal,
        ...STAGE_REQUESTS[question.stage],
        ...(isLeg(question.stage) ? { queryExpansion: null } : {}),
      })
      return answerOf(question, response, performance.now() - startedMs)
    },
  }
}

function answerOf(
  { stage }: Question,
  { hits, degraded, timingsMs, usage }: RetrieveResponse,
  latencyMs: number,
): TargetAnswer {
  return {
    hits: hits.map((hit) => ({
      chunk: hit.id,
      document: hit.documentId,
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
