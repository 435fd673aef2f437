import type { z } from 'zod'
import type { KeyScope, UsageRecord } from '../catalog/catalog.ts'
import type { TenantId } from '../core/model.ts'
import type { Log } from '../observe/log.ts'
import type { Authenticator, Caller } from './auth.ts'
import type { HttpDeps, HttpSettings } from './deps.ts'
import { check } from './validate.ts'

/** What every handler gets beside its own input. */
export interface CallContext {
  readonly deps: HttpDeps
  readonly authenticator: Authenticator
  readonly caller: Caller
  readonly headers: Headers
  readonly requestId: string
  readonly log: Log
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal
  /** `performance.now()` at arrival: what a budget counts from. */
  readonly arrivedMs: number
}

interface Call<Params, Query, Body> extends CallContext {
  readonly params: Params
  readonly query: Query
  readonly body: Body
}

export interface TenantCall<Params, Query, Body> extends Call<Params, Query, Body> {
  readonly tenant: TenantId
}

/** What a handler gives back: JSON, or a body of its own kind in `stream`. */
export interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly stream?: ReadableStream<Uint8Array> | string
  readonly headers?: Readonly<Record<string, string>>
  /** Added to the tenant's ledger; every answered request counts as one. Documents are counted where they are ingested. */
  readonly usage?: Partial<Omit<UsageRecord, 'tenant' | 'route' | 'requests'>>
  /** `stage:reason` pairs for the log. */
  readonly degraded?: readonly string[]
}

type Method = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'

/**
 * public: nobody's data, no key. shared: any key with the scope. service: reaches beyond one tenant, so not for keys
 * bound to one. tenant: one tenant's data.
 */
type Reach = 'public' | 'shared' | 'service' | 'tenant'

export interface ReceivedBody {
  /** Whoever reads the body may move its memory to another thread. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Lower case, without parameters; one of the body's `contents`. */
  readonly mediaType: string
  readonly contentType: string
  readonly headers: Headers
  readonly settings: HttpSettings
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal
}

export interface BodySpec<Body> {
  /** Accepted media types and the schema of each, for the document; null for bytes. */
  readonly contents: Readonly<Record<string, z.ZodType | null>>
  /** A request without a body and a Content-Type is fine: the handler gets `undefined`. */
  readonly optional?: boolean
  readonly bytesMax: (settings: HttpSettings) => number
  readonly read: (received: ReceivedBody) => Body | Promise<Body>
}

export interface AnswerSpec {
  readonly about: string
  readonly schema?: z.ZodType
  readonly mediaType?: string
}

interface HeaderSpec {
  readonly name: string
  readonly about: string
}

interface Described {
  readonly method: Method
  /** OpenAPI's template: `/v1/collections/{collection}`. */
  readonly path: string
  readonly operation: string
  readonly tag: string
  readonly summary: string
  readonly about?: string
  /** One of these is enough; `admin` has them all. Empty: any live key. */
  readonly scopes: readonly KeyScope[]
  readonly headers?: readonly HeaderSpec[]
  /** Whether a repeated `Idempotency-Key` gives the first answer again. */
  readonly idempotent?: boolean
  readonly answers: Readonly<Record<number, AnswerSpec>>
}

interface Input<Params, Query, Body> {
  readonly params?: z.ZodType<Params>
  readonly query?: z.ZodType<Query>
  readonly body?: BodySpec<Body>
}

export interface RouteSpec<Params, Query, Body> extends Described, Input<Params, Query, Body> {
  readonly reach: Exclude<Reach, 'tenant'>
  readonly handle: (call: Call<Params, Query, Body>) => Promise<Answer>
}

export interface TenantRouteSpec<Params, Query, Body>
  extends Described,
    Input<Params, Query, Body> {
  readonly handle: (call: TenantCall<Params, Query, Body>) => Promise<Answer>
}

interface RawInput {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly body: ReceivedBody | null
}

/** A route with its types folded away: one table of these drives routing and the OpenAPI document. */
export interface Route extends Described {
  readonly reach: Reach
  readonly params: z.ZodType | null
  readonly query: z.ZodType | null
  readonly body: BodySpec<unknown> | null
  /** `tenant` is null exactly when `reach` is not `tenant`. */
  readonly answer: (context: CallContext, raw: RawInput, tenant: TenantId | null) => Promise<Answer>
}

export function route<Params = undefined, Query = undefined, Body = undefined>(
  spec: RouteSpec<Params, Query, Body>,
): Route {
  const { handle, ...described } = spec
  const answer: Route['answer'] = async (context, raw) => {
    const { params, query, body } = await readInput(spec, raw)
    return handle({ params, query, body, ...context })
  }
  return fold(described, spec, spec.reach, answer)
}

export function tenantRoute<Params = undefined, Query = undefined, Body = undefined>(
  spec: TenantRouteSpec<Params, Query, Body>,
): Route {
  const { handle, ...described } = spec
  const answer: Route['answer'] = async (context, raw, tenant) => {
    if (tenant === null) throw new Error(`${spec.operation} was called without a tenant`)
    const { params, query, body } = await readInput(spec, raw)
    return handle({ tenant, params, query, body, ...context })
  }
  return fold(described, spec, 'tenant', answer)
}

function fold<Params, Query, Body>(
  described: Described,
  input: Input<Params, Query, Body>,
  reach: Reach,
  answer: Route['answer'],
): Route {
  const { params = null, query = null, body = null } = input
  return { ...described, params, query, body, reach, answer }
}

/** Absent schemas mean `undefined`: the type parameters' defaults. */
async function readInput<Params, Query, Body>(
  spec: Input<Params, Query, Body>,
  raw: RawInput,
): Promise<{ params: Params; query: Query; body: Body }> {
  return {
    params: readPart(spec.params, raw.params, 'path'),
    query: readPart(spec.query, raw.query, 'query'),
    body: (spec.body && raw.body ? await spec.body.read(raw.body) : undefined) as Body,
  }
}

function readPart<T>(
  schema: z.ZodType<T> | undefined,
  values: Readonly<Record<string, string>>,
  where: string,
): T {
  return (schema === undefined ? undefined : check(schema, values, where)) as T
}
