import type { z } from 'zod'
import { QuarryError } from '../../core/errors.ts'
import { LIMITS, type Limits } from '../../core/limits.ts'
import { generateUsage } from '../../observe/usage.ts'
import type { RetrieveRequest, RetrieveResponse } from '../../retrieve/request.ts'
import { jsonBody } from '../body.ts'
import { presentRetrieval } from '../present/retrieval.ts'
import { type Answer, type Route, type TenantCall, tenantRoute } from '../route.ts'
import { toFilter } from '../schemas/filter.ts'
import { type RetrieveBody, retrieveSchema } from '../schemas/retrieve.ts'
import { retrieveAnswer } from '../schemas/retrieve-answer.ts'
import { decodeVersion } from '../version.ts'

type RetrieveCall = TenantCall<undefined, undefined, RetrieveBody>

const TIMEOUT_HEADER = 'x-request-timeout-ms'

function retrieveRoute(path: string, operation: string, schema: z.ZodType<RetrieveBody>): Route {
  return tenantRoute({
    method: 'POST',
    path,
    operation,
    tag: 'Retrieval',
    summary: 'Passages for a question, and a finished prompt, inside a latency budget',
    scopes: ['retrieve'],
    headers: [
      {
        name: 'X-Request-Timeout-Ms',
        about: 'What the caller has left; the budget is the smaller of this and `budget_ms`',
      },
    ],
    body: jsonBody(schema, (settings) => settings.retrieveBodyBytes),
    answers: {
      200: { about: 'Hits, also when degraded: see `degraded`', schema: retrieveAnswer },
    },
    handle: handleRetrieve,
  })
}

export function retrieveRoutes(limits: Limits): readonly Route[] {
  const schema = retrieveSchema(limits)
  return [
    retrieveRoute('/retrieve', 'retrieve', schema),
    retrieveRoute('/v1/retrieve', 'retrieveV1', schema),
  ]
}

async function handleRetrieve(call: RetrieveCall): Promise<Answer> {
  const request = toRequest(call)
  const response = await retrieveCounted(call, request)
  remember(call, request, response)
  const { embedTokens, rerankDocuments, generated } = response.usage
  return {
    status: 200,
    body: presentRetrieval(response),
    headers: { 'server-timing': serverTiming(response.timingsMs) },
    usage: { embedTokens, rerankDocuments, ...generateUsage(generated) },
    degraded: response.degraded.map(({ stage, reason }) => `${stage}:${reason}`),
  }
}

function remember(
  { deps }: RetrieveCall,
  { tenant, collection, query }: RetrieveRequest,
  { retrievalId, hits }: RetrieveResponse,
): void {
  const documents = [...new Set(hits.map(({ documentId }) => documentId))]
  deps.recent.remember(tenant, retrievalId, { collection, query, documents })
}

async function retrieveCounted(
  { deps }: RetrieveCall,
  request: RetrieveRequest,
): Promise<RetrieveResponse> {
  try {
    const response = await deps.retrieve(request)
    deps.metrics.retrieval(response.degraded.length > 0 ? 'degraded' : 'full', response)
    return response
  } catch (error) {
    deps.metrics.retrieval('error', null)
    throw error
  }
}

function toRequest(call: RetrieveCall): RetrieveRequest {
  const { body, tenant, signal, deps } = call
  const { prompt, group_by, min_version } = body
  return {
    tenant,
    collection: body.collection,
    query: body.query,
    topK: body.top_k,
    candidates: body.candidates,
    mode: body.mode,
    filter: toFilter(body.filter, deps.settings),
    fusion: body.fusion && onlySent(body.fusion),
    rerank: body.rerank,
    queryExpansion: body.query_expansion && onlySent(body.query_expansion),
    mmr: body.mmr,
    groupBy: group_by,
    expand: body.expand,
    dedupe: body.dedupe,
    minRelevance: body.min_relevance,
    minVersion: min_version === undefined ? undefined : decodeVersion(min_version),
    budgetMs: budgetOf(call),
    onDegraded: body.on_degraded,
    require: body.require,
    explain: body.explain,
    prompt: prompt === undefined ? undefined : toPrompt(prompt),
    signal,
  }
}

type Sent<T extends object> = { [Key in keyof T]?: Exclude<T[Key], undefined> }

/** Absent fields leave the policy's values in place. */
export function onlySent<T extends object>(given: T): Sent<T> {
  const sent = Object.entries(given).filter(([, value]) => value !== undefined)
  return Object.fromEntries(sent) as Sent<T>
}

function toPrompt({
  max_tokens,
  ...rest
}: NonNullable<RetrieveBody['prompt']>): NonNullable<RetrieveRequest['prompt']> {
  return { maxTokens: max_tokens, ...rest }
}

/** Counted from arrival: time spent on the body and the key is the caller's time too. */
function budgetOf({ body, headers, arrivedMs }: RetrieveCall): number {
  const asked = body.budget_ms
  const left = callerTimeoutMs(headers.get(TIMEOUT_HEADER))
  const budgetMs = Math.min(asked, left ?? asked) - (performance.now() - arrivedMs)
  if (left !== undefined && left < LIMITS.budgetMs.min)
    throw new QuarryError(
      'deadline_exceeded',
      `X-Request-Timeout-Ms leaves less than ${LIMITS.budgetMs.min} ms`,
    )
  return Math.max(1, Math.round(budgetMs))
}

function callerTimeoutMs(header: string | null): number | undefined {
  if (header === null) return undefined
  if (!/^\d{1,9}$/.test(header))
    throw new QuarryError('invalid_request', 'X-Request-Timeout-Ms must be whole milliseconds')
  return Number(header)
}

function serverTiming(timingsMs: RetrieveResponse['timingsMs']): string {
  return Object.entries(timingsMs)
    .map(([stage, ms]) => `${stage};dur=${Math.round(ms * 10) / 10}`)
    .join(', ')
}
