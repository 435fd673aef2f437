import { randomUUID } from 'node:crypto'
import type { QuarryError } from '../core/errors.ts'
import { continueTrace, formatTraceparent } from '../observe/trace.ts'
import { encodeJson } from './encode-json.ts'
import type { Arrival, Exchange, Serving } from './exchange.ts'
import { targetOf } from './paths.ts'
import { performRoute } from './perform.ts'
import { asQuarryError, problemHeaders, problemOf, statusOf } from './problem.ts'
import type { Answer, Route } from './route.ts'

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/
/** nginx's status for a caller that went away; only ever in logs and metrics. */
const CALLER_GONE = 499

/** Answers a request, whatever happens: the one place where errors become problems, and where a request is logged and counted. */
export async function answerRequest(
  serving: Serving,
  { request, incoming }: Arrival,
  pattern: string,
  perform: (exchange: Exchange) => Promise<Answer>,
): Promise<Response> {
  const { headers } = request
  const givenId = headers.get('x-request-id')
  const exchange: Exchange = {
    request,
    incoming,
    target: targetOf(request.url),
    requestId: givenId !== null && REQUEST_ID.test(givenId) ? givenId : randomUUID(),
    trace: continueTrace(headers.get('traceparent')),
    arrivedMs: performance.now(),
    caller: null,
    tenant: null,
  }
  try {
    const answer = await perform(exchange)
    report(serving, exchange, pattern, answer.status, { degraded: answer.degraded ?? [] })
    return respond(exchange, answer)
  } catch (thrown) {
    const error = asQuarryError(thrown)
    const status = request.signal.aborted ? CALLER_GONE : statusOf(error)
    report(serving, exchange, pattern, status, { code: error.code, ...faultOf(status, error) })
    return respond(exchange, {
      status: statusOf(error),
      body: problemOf(error, exchange.target.path, exchange.requestId),
      headers: problemHeaders(error),
    })
  }
}

export function answerRoute(serving: Serving, arrival: Arrival, route: Route): Promise<Response> {
  return answerRequest(serving, arrival, route.path, (exchange) =>
    performRoute(serving, exchange, route),
  )
}

function report(
  { deps }: Serving,
  exchange: Exchange,
  pattern: string,
  status: number,
  facts: object,
): void {
  const ms = performance.now() - exchange.arrivedMs
  const { method } = exchange.request
  deps.metrics.request(pattern, method, status, ms / 1_000)
  const line = {
    method,
    route: pattern,
    status,
    ms: Math.round(ms * 100) / 100,
    request_id: exchange.requestId,
    trace_id: exchange.trace.traceId,
    key_id: exchange.caller?.keyId ?? null,
    tenant_id: exchange.tenant,
    ...facts,
  }
  if (status >= 500) deps.log.error(line, 'request')
  else deps.log.info(line, 'request')
}

/** For the log alone: what lies behind a 5xx. Callers see no more than the code. */
function faultOf(status: number, error: QuarryError): object {
  if (status < 500) return {}
  const { cause } = error
  const origin = cause instanceof Error ? cause : error
  return { error: { name: origin.name, message: origin.message, stack: origin.stack } }
}

function respond(exchange: Exchange, answer: Answer): Response {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-request-id': exchange.requestId,
    traceparent: formatTraceparent(exchange.trace),
    ...answer.headers,
  }
  const body = answer.stream ?? encodeJson(answer.body)
  return new Response(body, { status: answer.status, headers })
}
