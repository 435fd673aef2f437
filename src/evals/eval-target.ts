import { needTokens } from '../../eval/metrics/parse-metric.ts'
import type { Target, TargetAnswer } from '../../eval/target.ts'
import { retrievalTarget } from '../../eval/targets/retrieval-target.ts'
import type { Collection } from '../catalog/catalog.ts'
import { toSnake } from '../core/casing.ts'
import type { TenantId } from '../core/model.ts'
import { generateUsage, NO_USAGE, type UsageLedger } from '../observe/usage.ts'
import type { RetrieveRequest, RetrieveResponse } from '../retrieve/request.ts'
import type { EvalRequest } from './eval-request.ts'
import type { Traffic } from './traffic.ts'

export interface EvalTargetDeps {
  /** With caches of its own, so that it neither profits from what users asked nor pushes it out. */
  readonly retrieve: (request: RetrieveRequest) => Promise<RetrieveResponse>
  readonly traffic: Pick<Traffic, 'quiet'>
  readonly usage: Pick<UsageLedger, 'record'>
  readonly yieldMs: number
}

/** What a tenant's model calls for evals are booked under. */
const USAGE_ROUTE = 'POST /v1/evals'

/** A tenant's part of a collection, asked in this process whenever nobody else is, with the request's own wishes. */
export function evalTarget(
  tenant: TenantId,
  collection: Collection,
  request: EvalRequest,
  { retrieve, traffic, usage, yieldMs }: EvalTargetDeps,
): Target {
  const known = new Map<string, string>()
  const areCounted = needTokens(request.metrics)
  const target = retrievalTarget({
    tenant,
    collection: collection.id,
    budgetMs: request.budgetMs,
    about: { kind: 'collection', name: collection.id, settings: settingsOf(collection, request) },
    retrieve: async (asked) => {
      const response = await retrieve(withOverrides(asked, request.overrides))
      const { embedTokens, rerankDocuments, generated } = response.usage
      const spent = { embedTokens, rerankDocuments, ...generateUsage(generated) }
      usage.record({ ...NO_USAGE, tenant, route: USAGE_ROUTE, ...spent })
      return response
    },
  })
  return {
    about: target.about,
    ask: async (question, signal) => {
      await traffic.quiet(yieldMs, signal)
      return trimmed(await target.ask(question, signal), known, areCounted)
    },
  }
}

/** The prompt decides no rank. */
function settingsOf({ policy, serving }: Collection, request: EvalRequest) {
  const { prompt: _prompt, ...ranking } = policy
  return {
    policy: toSnake(ranking),
    index: serving.index,
    space: serving.space.name,
    budget_ms: request.budgetMs,
    request: toSnake(request.overrides),
  }
}

/** A stage that is asked without reranking or rewording stays without it. */
function withOverrides(
  asked: RetrieveRequest,
  { candidates, filter, fusion, rerank, queryExpansion }: EvalRequest['overrides'],
): RetrieveRequest {
  return {
    ...asked,
    ...(candidates === undefined ? {} : { candidates }),
    ...(filter === undefined ? {} : { filter }),
    ...(fusion === undefined ? {} : { fusion }),
    ...(rerank === undefined || asked.rerank === null ? {} : { rerank }),
    ...(queryExpansion === undefined || asked.queryExpansion === null ? {} : { queryExpansion }),
  }
}

/** Only ranks are scored, unless tokens are counted; the texts of thousands of answers would fill the memory, and so would an id's copies. */
function trimmed(
  answer: TargetAnswer,
  known: Map<string, string>,
  keepsTexts: boolean,
): TargetAnswer {
  const one = (id: string): string => {
    const kept = known.get(id)
    if (kept === undefined) known.set(id, id)
    return kept ?? id
  }
  const hits = answer.hits.map(({ chunk, document, score, text }) => ({
    chunk: one(chunk),
    document: one(document),
    score,
    title: null,
    text: keepsTexts ? text : '',
  }))
  return { ...answer, hits }
}
