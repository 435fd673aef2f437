import type { TenantId } from '../core/model.ts'
import type { TraceContext } from '../observe/trace.ts'
import type { Authenticator, Caller } from './auth.ts'
import type { BodyGate } from './body.ts'
import type { HttpDeps } from './deps.ts'

/** What all requests share. */
export interface Serving {
  readonly deps: HttpDeps
  readonly authenticator: Authenticator
  readonly gate: BodyGate
}

/** One request under way; the log line at its end is made from this. */
export interface Exchange {
  readonly request: Request
  readonly url: URL
  readonly requestId: string
  readonly trace: TraceContext
  readonly arrivedMs: number
  caller: Caller | null
  tenant: TenantId | null
}
