import { STATUS_CODES } from 'node:http'
import { z } from 'zod'
import { QuarryError } from '../core/errors.ts'
import { type Fault, faultsOf } from './validate.ts'

/** RFC 9457. `code` is stable API, `detail` is for people. */
export const problemSchema = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string(),
  code: z.string(),
  request_id: z.string(),
  retryable: z.boolean(),
  errors: z
    .array(z.strictObject({ pointer: z.string(), detail: z.string(), line: z.int().optional() }))
    .optional(),
  degraded: z.unknown().optional(),
})

export type Problem = z.infer<typeof problemSchema>

const PROBLEM_TYPE = 'application/problem+json'
const RETRY_AFTER_MS = 1_000
/** Not the statuses of the taxonomy, but what HTTP itself asks for; carried in an error's `details.status`. */
const PROTOCOL_STATUSES: ReadonlySet<unknown> = new Set([405, 415, 431])

/** An error that HTTP has a status of its own for: 405, 415, 431. */
export function protocolError(status: 405 | 415 | 431, message: string): QuarryError {
  return new QuarryError('unsupported', message, { details: { status } })
}

/** Whatever was thrown, as an error of the taxonomy; an unknown one becomes `internal` with nothing of it shown. */
export function asQuarryError(thrown: unknown): QuarryError {
  if (thrown instanceof QuarryError) return thrown
  if (thrown instanceof z.ZodError)
    return new QuarryError('invalid_request', 'the request does not match its schema', {
      cause: thrown,
      details: { errors: faultsOf(thrown) },
    })
  return new QuarryError('internal', 'an internal error; the log has it under this request id', {
    cause: thrown,
  })
}

export function problemOf(error: QuarryError, instance: string, requestId: string): Problem {
  const status = statusOf(error)
  const { errors, degraded } = error.details
  return {
    type: `urn:quarry:problem:${error.code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail:
      error.code === 'internal'
        ? 'an internal error; the log has it under this request id'
        : error.message,
    instance,
    code: error.code,
    request_id: requestId,
    retryable: error.retryable,
    ...(Array.isArray(errors) ? { errors: errors as Fault[] } : {}),
    ...(degraded === undefined ? {} : { degraded }),
  }
}

/** The headers that a problem brings along: when to come back, and how to authenticate. */
export function problemHeaders(error: QuarryError): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': PROBLEM_TYPE }
  if (error.code === 'unauthenticated') headers['www-authenticate'] = 'Bearer realm="quarry"'
  const { retryAfterMs } = error.details
  const isBusy = error.code === 'rate_limited' || error.code === 'unavailable'
  if (isBusy || typeof retryAfterMs === 'number') {
    const waitMs = typeof retryAfterMs === 'number' ? retryAfterMs : RETRY_AFTER_MS
    headers['retry-after'] = String(Math.max(1, Math.ceil(waitMs / 1_000)))
  }
  return headers
}

export function statusOf(error: QuarryError): number {
  const { status } = error.details
  return PROTOCOL_STATUSES.has(status) ? Number(status) : error.status
}
