import type { IncomingMessage } from 'node:http'
import type { TenantId } from '../core/model.ts'
import type { TraceContext } from '../observe/trace.ts'
import type { Authenticator, Caller } from './auth.ts'
import type { BodyGate } from './body.ts'
import type { HttpDeps } from './deps.ts'
import type { Target } from './paths.ts'

/** What all requests share. */
export interface Serving {
  readonly deps: HttpDeps
  readonly authenticator: Authenticator
  readonly gate: BodyGate
}

/** A request as it comes in. */
export interface Arrival {
  readonly request: Request
  /** Node's own view of it; none where no server of Node's took it. */
  readonly incoming: IncomingMessage | undefined
}

/** One request under way; the log line at its end is made from this. */
export interface Exchange extends Arrival {
  readonly target: Target
  readonly requestId: string
  readonly trace: TraceContext
  readonly arrivedMs: number
  caller: Caller | null
  tenant: TenantId | null
}
