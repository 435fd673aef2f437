import { z } from 'zod'
import type { EvalRun } from '../../catalog/evals.ts'
import { toSnake } from '../../core/casing.ts'
import type { Limits } from '../../core/limits.ts'
import { compareEvals } from '../../evals/compare-evals.ts'
import type { EvalRequest } from '../../evals/eval-request.ts'
import { readEval, unknownEval, wholeResult } from '../../evals/read-eval.ts'
import { jsonBody } from '../body.ts'
import { decodeCursor, paginate } from '../cursor.ts'
import type { HttpSettings } from '../deps.ts'
import { streamResult } from '../result-file.ts'
import { type Route, tenantRoute } from '../route.ts'
import { pageQuery } from '../schemas/common.ts'
import {
  compareBody,
  comparisonAnswer,
  defaultK,
  defaultMetrics,
  type EvalBody,
  evalAnswer,
  evalList,
  evalPageQuery,
  evalParams,
  evalQueryList,
  evalResultFile,
  evalSchema,
} from '../schemas/eval.ts'
import { toFilter } from '../schemas/filter.ts'
import { onlySent } from './retrieve.ts'

const PATH = '/v1/evals'
const ONE = `${PATH}/{eval}`
const SHARED = { tag: 'Evals', scopes: ['eval'] } as const

const start = (limits: Limits) =>
  tenantRoute({
    method: 'POST',
    path: PATH,
    operation: 'startEval',
    ...SHARED,
    summary: 'Measure a collection by its golden queries',
    about:
      'Runs in the background, one question at a time and while no caller waits, through the retrieval that users get. Follow it at `location`.',
    body: jsonBody(evalSchema(limits), (settings) => settings.retrieveBodyBytes),
    idempotent: true,
    answers: { 202: { about: 'Taken on', schema: evalAnswer } },
    handle: async ({ deps, tenant, body }) => {
      const run = await deps.evals.start(tenant, toRequest(body, deps.settings))
      return { status: 202, body: present(run), headers: { location: `${PATH}/${run.id}` } }
    },
  })

const get = tenantRoute({
  method: 'GET',
  path: ONE,
  operation: 'getEval',
  ...SHARED,
  summary: 'How far an eval is, and its result',
  params: evalParams,
  answers: { 200: { about: 'The eval', schema: evalAnswer } },
  handle: async ({ deps, tenant, params }) => {
    const run = await deps.catalog.evals.get(tenant, params.eval)
    if (run === null) throw unknownEval(params.eval)
    return { status: 200, body: present(run) }
  },
})

const list = (limits: Limits) =>
  tenantRoute({
    method: 'GET',
    path: PATH,
    operation: 'listEvals',
    ...SHARED,
    summary: 'Evals, newest first, without their results',
    query: evalPageQuery(limits),
    answers: { 200: { about: 'One page', schema: evalList } },
    handle: async ({ deps, tenant, query: { limit, cursor, collection } }) => {
      const page = { after: decodeCursor(cursor), count: limit + 1, collection }
      const runs = await deps.catalog.evals.list(tenant, page)
      const { rows, nextCursor } = paginate(runs, limit, ({ id }) => id)
      return { status: 200, body: { evals: rows.map(presentAbout), next_cursor: nextCursor } }
    },
  })

const queries = (limits: Limits) =>
  tenantRoute({
    method: 'GET',
    path: `${ONE}/queries`,
    operation: 'listEvalQueries',
    ...SHARED,
    summary: 'What each golden query got: scores, first documents and what was lost, by stage',
    params: evalParams,
    query: pageQuery(limits),
    answers: {
      200: { about: 'One page, by id; empty until the eval is done', schema: evalQueryList },
    },
    handle: async ({ deps, tenant, params, query: { limit, cursor } }) => {
      const { evals } = deps.catalog
      if ((await evals.get(tenant, params.eval)) === null) throw unknownEval(params.eval)
      const page = { after: decodeCursor(cursor), count: limit + 1 }
      const found = await evals.queries(tenant, params.eval, page)
      const { rows, nextCursor } = paginate(found, limit, ({ id }) => id)
      const shown = rows.map(({ id, query, result }) => ({ id, text: query, ...result }))
      return { status: 200, body: { queries: shown, next_cursor: nextCursor } }
    },
  })

const result = tenantRoute({
  method: 'GET',
  path: `${ONE}/result`,
  operation: 'getEvalResult',
  ...SHARED,
  summary: 'The whole result as a file, for `quarry eval`: report, compare, gate',
  params: evalParams,
  answers: { 200: { about: 'The result; 409 while there is none', schema: evalResultFile } },
  handle: async ({ deps, tenant, params }) => ({
    status: 200,
    stream: streamResult(await readEval(deps.catalog.evals, tenant, params.eval)),
  }),
})

const remove = tenantRoute({
  method: 'DELETE',
  path: ONE,
  operation: 'deleteEval',
  ...SHARED,
  summary: 'Cancel an eval that is under way, or remove one that has ended',
  params: evalParams,
  answers: {
    200: {
      about: 'A cancelled eval stays in the list; removing it takes a second call',
      schema: z.strictObject({ id: z.string(), outcome: z.enum(['cancelled', 'deleted']) }),
    },
  },
  handle: async ({ deps, tenant, params }) => {
    const outcome = await deps.evals.cancel(tenant, params.eval)
    if (outcome === null) throw unknownEval(params.eval)
    return { status: 200, body: { id: params.eval, outcome } }
  },
})

const compare = tenantRoute({
  method: 'POST',
  path: `${PATH}:compare`,
  operation: 'compareEvals',
  ...SHARED,
  summary: 'What changed between two evals, with intervals and p-values',
  body: jsonBody(compareBody, (settings) => settings.retrieveBodyBytes),
  answers: { 200: { about: 'By stage and metric', schema: comparisonAnswer } },
  handle: async ({ deps, tenant, body: { base, candidate, ...options } }) => {
    const { evals } = deps.catalog
    const before = await wholeResult(await readEval(evals, tenant, base))
    const after = await wholeResult(await readEval(evals, tenant, candidate))
    const compared = await compareEvals(before, after, options)
    const differences = compared.differences.map(({ before: was, after: is, ...rest }) => ({
      ...rest,
      base: was,
      candidate: is,
    }))
    return { status: 200, body: { base, candidate, queries: compared.queries, differences } }
  },
})

export const evalRoutes = (limits: Limits): readonly Route[] => [
  compare,
  start(limits),
  get,
  list(limits),
  queries(limits),
  result,
  remove,
]

function toRequest(body: EvalBody, settings: HttpSettings): EvalRequest {
  const { request = {}, name = null, sample = null, budget_ms, ...rest } = body
  return {
    ...rest,
    k: rest.k ?? defaultK(rest.depth),
    metrics: [...new Set(rest.metrics ?? defaultMetrics(rest.depth))],
    name,
    sample,
    budgetMs: budget_ms,
    overrides: {
      candidates: request.candidates,
      filter: toFilter(request.filter, settings),
      fusion: request.fusion && onlySent(request.fusion),
      rerank: request.rerank,
      queryExpansion: request.query_expansion && onlySent(request.query_expansion),
    },
  }
}

function presentAbout(run: EvalRun) {
  const { name, overrides, ...request } = toSnake(run.request) as Record<string, unknown>
  return {
    id: run.id,
    collection: run.collection,
    name,
    state: run.state,
    progress: { done: run.progress.done, total: run.progress.total },
    request: { ...request, request: overrides },
    reason: run.reason,
    created_at: run.createdAt.toISOString(),
    started_at: run.startedAt?.toISOString() ?? null,
    finished_at: run.finishedAt?.toISOString() ?? null,
  }
}

function present(run: EvalRun) {
  return { ...presentAbout(run), result: run.summary }
}
