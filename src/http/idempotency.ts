import type { RequestKey } from '../catalog/catalog.ts'
import { QuarryError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { TenantId } from '../core/model.ts'
import type { Exchange, Serving } from './exchange.ts'
import type { Answer, ReceivedBody, Route } from './route.ts'

export interface OnceRequest {
  readonly serving: Serving
  readonly exchange: Exchange
  readonly route: Route
  readonly body: ReceivedBody | null
}

/** The part of an answer that is kept and given again. */
interface KeptAnswer {
  readonly status: number
  readonly body: unknown
  readonly headers: Readonly<Record<string, string>>
}

const KEY = new RegExp(`^[\\x21-\\x7e]{1,${LIMITS.idempotencyKeyChars.max}}$`)
const RUNNING_RETRY_MS = 1_000

/** Answers a keyed write once and repeats that answer; refuses the key for another request. Failures are not kept. */
export async function performOnce(
  { serving, exchange, route, body }: OnceRequest,
  perform: () => Promise<Answer>,
): Promise<Answer> {
  const key = exchange.request.headers.get('idempotency-key')
  if (key === null || route.idempotent !== true || exchange.tenant === null) return perform()
  const { idempotency } = serving.deps.catalog
  const requestKey = requestKeyOf(route, exchange.tenant, key)
  const start = await idempotency.begin(requestKey, await fingerprint(exchange, body))
  switch (start.outcome) {
    case 'new':
      break
    case 'replay':
      return replay(start.response as KeptAnswer)
    case 'running':
      throw new QuarryError('conflict', 'the first request with this Idempotency-Key still runs', {
        retryable: true,
        details: { retryAfterMs: RUNNING_RETRY_MS },
      })
    case 'mismatch':
      throw new QuarryError('unsupported', 'this Idempotency-Key was used for another request')
  }
  return performNew({ serving, exchange, route, body }, requestKey, perform)
}

async function performNew(
  { serving }: OnceRequest,
  requestKey: RequestKey,
  perform: () => Promise<Answer>,
): Promise<Answer> {
  const { idempotency } = serving.deps.catalog
  let answer: Answer
  try {
    answer = await perform()
  } catch (error) {
    await idempotency.abandon(requestKey)
    throw error
  }
  const { status, body, headers = {} } = answer
  await idempotency.complete(requestKey, { status, body, headers } satisfies KeptAnswer)
  return answer
}

function requestKeyOf(route: Route, tenant: TenantId, key: string): RequestKey {
  if (!KEY.test(key))
    throw new QuarryError(
      'invalid_request',
      `Idempotency-Key must be 1 to ${LIMITS.idempotencyKeyChars.max} visible ASCII characters`,
    )
  return { tenant, route: `${route.method} ${route.path}`, key }
}

/** What makes two requests the same one. Hashed off the serving thread, since a body may be large. */
async function fingerprint(
  { target, request }: Exchange,
  body: ReceivedBody | null,
): Promise<string> {
  const { headers } = request
  const framing = ['if-match', 'if-none-match', 'x-quarry-metadata'].map((name) =>
    headers.get(name),
  )
  const head = JSON.stringify([target.path, target.search, body?.contentType ?? null, framing])
  const content = body === null ? '' : await sha256(body.bytes)
  return sha256(new TextEncoder().encode(`${head}\n${content}`))
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', bytes)).toString('hex')
}

function replay({ status, body, headers }: KeptAnswer): Answer {
  return { status, body, headers: { ...headers, 'idempotency-replayed': 'true' } }
}
