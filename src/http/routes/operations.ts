import { z } from 'zod'
import { type Route, route } from '../route.ts'

const TAG = 'Operations'
const health = z.strictObject({ status: z.string() })

function aliveRoute(path: string, operation: string): Route {
  return route({
    method: 'GET',
    path,
    operation,
    tag: TAG,
    summary: 'Whether this process answers at all',
    reach: 'public',
    scopes: [],
    answers: { 200: { about: 'It does', schema: health } },
    handle: async () => ({ status: 200, body: { status: 'ok' } }),
  })
}

const ready = route({
  method: 'GET',
  path: '/readyz',
  operation: 'ready',
  tag: TAG,
  summary: 'Whether this process may be sent requests',
  about: 'Models and remote stores do not count: without them answers are degraded, not missing.',
  reach: 'public',
  scopes: [],
  answers: {
    200: { about: 'Ready', schema: health },
    503: {
      about: 'Not now',
      schema: z.strictObject({ status: z.string(), reasons: z.array(z.string()) }),
    },
  },
  handle: async ({ deps }) => {
    const { ready: isReady, reasons } = await deps.readiness()
    if (isReady) return { status: 200, body: { status: 'ready' } }
    const body = { status: 'not ready', reasons: [...reasons] }
    return { status: 503, body, headers: { 'retry-after': '1' } }
  },
})

const metrics = route({
  method: 'GET',
  path: '/metrics',
  operation: 'metrics',
  tag: TAG,
  summary: 'Prometheus metrics; any key that is not bound to a tenant may read them',
  reach: 'service',
  scopes: [],
  answers: { 200: { about: 'Prometheus text', mediaType: 'text/plain' } },
  handle: async ({ deps }) => {
    const { contentType, body } = await deps.metrics.render()
    return { status: 200, stream: body, headers: { 'content-type': contentType } }
  },
})

export const OPERATION_ROUTES: readonly Route[] = [
  aliveRoute('/healthz', 'health'),
  aliveRoute('/livez', 'live'),
  ready,
  metrics,
]
