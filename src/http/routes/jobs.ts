import type { Job, Jobs } from '../../catalog/catalog.ts'
import { QuarryError } from '../../core/errors.ts'
import type { Limits } from '../../core/limits.ts'
import { decodeCursor, paginate } from '../cursor.ts'
import { streamJobEvents } from '../job-events.ts'
import { presentJob } from '../present/job.ts'
import { type Route, tenantRoute } from '../route.ts'
import { pageQuery } from '../schemas/common.ts'
import { jobAnswer, jobList, jobParams } from '../schemas/job.ts'

const TAG = 'Jobs'

const get = tenantRoute({
  method: 'GET',
  path: '/v1/jobs/{job}',
  operation: 'getJob',
  tag: TAG,
  summary: 'How far an ingestion is, and what failed and why',
  scopes: ['ingest'],
  params: jobParams,
  answers: { 200: { about: 'The job', schema: jobAnswer } },
  handle: async ({ deps, tenant, params }) => ({
    status: 200,
    body: presentJob(found(await deps.catalog.jobs.get(tenant, params.job), params.job)),
  }),
})

const list = (limits: Limits) =>
  tenantRoute({
    method: 'GET',
    path: '/v1/jobs',
    operation: 'listJobs',
    tag: TAG,
    summary: 'Jobs, newest first',
    scopes: ['ingest'],
    query: pageQuery(limits),
    answers: { 200: { about: 'One page', schema: jobList } },
    handle: async ({ deps, tenant, query }) => {
      const after = decodeCursor(query.cursor)
      const jobs = await deps.catalog.jobs.list(tenant, after, query.limit + 1)
      const { rows, nextCursor } = paginate(jobs, query.limit, ({ id }) => id)
      return { status: 200, body: { jobs: rows.map(presentJob), next_cursor: nextCursor } }
    },
  })

function verbRoute(verb: 'cancel' | 'retry', summary: string): Route {
  return tenantRoute({
    method: 'POST',
    path: `/v1/jobs/{job}:${verb}`,
    operation: `${verb}Job`,
    tag: TAG,
    summary,
    scopes: ['ingest'],
    params: jobParams,
    idempotent: true,
    answers: { 200: { about: 'The job as it is now', schema: jobAnswer } },
    handle: async ({ deps, tenant, params }) => {
      const jobs: Jobs = deps.catalog.jobs
      const job = found(await jobs[verb](tenant, params.job), params.job)
      deps.notifyWrite()
      return { status: 200, body: presentJob(job) }
    },
  })
}

const events = tenantRoute({
  method: 'GET',
  path: '/v1/jobs/{job}/events',
  operation: 'jobEvents',
  tag: TAG,
  summary: 'The progress of a job as server-sent events',
  about: 'Each event carries the job: `progress` at every change, `end` at the last.',
  scopes: ['ingest'],
  params: jobParams,
  answers: { 200: { about: 'The stream', mediaType: 'text/event-stream' } },
  handle: async ({ deps, tenant, params, signal, log, requestId }) => {
    const read = () => deps.catalog.jobs.get(tenant, params.job)
    const first = found(await read(), params.job)
    const onError = (error: unknown): void =>
      log.error({ err: error, request_id: requestId }, 'job events')
    return {
      status: 200,
      stream: streamJobEvents({ first, read, signal, onError, lifeMs: deps.settings.eventsMs }),
      headers: { 'content-type': 'text/event-stream' },
    }
  },
})

export const jobRoutes = (limits: Limits): readonly Route[] => [
  verbRoute('cancel', 'Cancel what has not begun'),
  verbRoute('retry', 'Queue the failed documents of a job again'),
  get,
  list(limits),
  events,
]

function found(job: Job | null, id: string): Job {
  if (job === null) throw new QuarryError('not_found', `no job ${JSON.stringify(id)}`)
  return job
}
