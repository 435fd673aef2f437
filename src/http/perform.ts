import type { TenantId } from '../core/model.ts'
import { NO_USAGE } from '../observe/usage.ts'
import {
  type Caller,
  LOCAL_CALLER,
  namedTenant,
  requireLoopback,
  requireScope,
  requireTenant,
  requireUnbound,
} from './auth.ts'
import { acceptedType, withBody } from './body.ts'
import type { Exchange, Serving } from './exchange.ts'
import { performOnce } from './idempotency.ts'
import { readPathParams, readQuery } from './paths.ts'
import type { Answer, CallContext, ReceivedBody, Route } from './route.ts'

const ANONYMOUS: Caller = { keyId: 'none', scopes: [], tenant: null }

/** One request on its route: who asks, for which tenant, with what, and then the handler. */
export async function performRoute(
  serving: Serving,
  exchange: Exchange,
  route: Route,
): Promise<Answer> {
  const caller = await identify(serving, exchange, route)
  exchange.caller = route.reach === 'public' ? null : caller
  exchange.tenant = tenantFor(route, caller, exchange.request.headers)
  const context = contextOf(serving, exchange, caller)
  const params = readPathParams(route.path, exchange.target.path)
  const query = readQuery(exchange.target.search)
  const perform = async (body: ReceivedBody | null): Promise<Answer> => {
    const answer = () => route.answer(context, { params, query, body }, exchange.tenant)
    return performOnce({ serving, exchange, route, body }, answer)
  }
  const answer = await withReceivedBody(serving, exchange, route, perform)
  if (exchange.tenant !== null) recordUsage(serving, exchange.tenant, route, answer)
  return answer
}

async function identify(serving: Serving, exchange: Exchange, route: Route): Promise<Caller> {
  if (route.reach === 'public') return ANONYMOUS
  const { headers } = exchange.request
  if (serving.deps.settings.insecureNoAuth) {
    requireLoopback(headers.get('host'), headers.get('origin'))
    return LOCAL_CALLER
  }
  const caller = await serving.authenticator.authenticate(headers.get('authorization'))
  requireScope(caller, route.scopes)
  if (route.reach === 'service') requireUnbound(caller)
  return caller
}

/** Even where no tenant is needed, a header that names another one than the key's is refused. */
function tenantFor(route: Route, caller: Caller, headers: Headers): TenantId | null {
  if (route.reach === 'public') return null
  const header = headers.get('x-tenant-id')
  if (route.reach === 'tenant') return requireTenant(caller, header)
  namedTenant(caller, header)
  return null
}

function contextOf(serving: Serving, exchange: Exchange, caller: Caller): CallContext {
  const { deps, authenticator } = serving
  return {
    deps,
    authenticator,
    caller,
    headers: exchange.request.headers,
    requestId: exchange.requestId,
    log: deps.log,
    signal: exchange.request.signal,
    arrivedMs: exchange.arrivedMs,
  }
}

async function withReceivedBody(
  serving: Serving,
  exchange: Exchange,
  { body }: Route,
  perform: (body: ReceivedBody | null) => Promise<Answer>,
): Promise<Answer> {
  const { headers, signal } = exchange.request
  const contentType = headers.get('content-type')
  if (body === null || (body.optional && contentType === null)) return perform(null)
  const mediaType = acceptedType(contentType, body)
  const { settings } = serving.deps
  const limits = { bytesMax: body.bytesMax(settings), gate: serving.gate }
  return withBody(exchange, limits, (bytes) =>
    perform({
      bytes,
      mediaType,
      contentType: contentType ?? '',
      headers,
      settings,
      signal,
    }),
  )
}

function recordUsage(serving: Serving, tenant: TenantId, route: Route, answer: Answer): void {
  const routeName = `${route.method} ${route.path}`
  serving.deps.usage.record({ tenant, route: routeName, ...NO_USAGE, requests: 1, ...answer.usage })
}
