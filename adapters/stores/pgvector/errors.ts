import { type ErrorCode, QuarryError } from '../../../src/core/errors.ts'

interface Verdict {
  readonly code: ErrorCode
  readonly retryable: boolean
}

const BY_STATE: Readonly<Record<string, Verdict>> = {
  '42P01': { code: 'not_found', retryable: false },
  '57014': { code: 'deadline_exceeded', retryable: true },
  '55P03': { code: 'upstream_failed', retryable: true },
}

/** By class of SQLSTATE: connections, resources, operator intervention and conflicts pass; bad data does not. */
const BY_CLASS: Readonly<Record<string, Verdict>> = {
  '08': { code: 'upstream_failed', retryable: true },
  '22': { code: 'invalid_request', retryable: false },
  '40': { code: 'upstream_failed', retryable: true },
  '53': { code: 'unavailable', retryable: true },
  '57': { code: 'unavailable', retryable: true },
}

/** Postgres' messages can quote values, so only the state is repeated. */
export function toQuarryError(error: unknown): QuarryError {
  if (error instanceof QuarryError) return error
  const state = stateOf(error)
  if (state === null)
    return new QuarryError('upstream_failed', 'the connection to Postgres failed', { cause: error })
  const verdict = BY_STATE[state] ?? BY_CLASS[state.slice(0, 2)]
  if (verdict === undefined)
    return new QuarryError('internal', `Postgres refused a statement (SQLSTATE ${state})`, {
      cause: error,
    })
  return new QuarryError(verdict.code, `Postgres reported SQLSTATE ${state}`, {
    retryable: verdict.retryable,
    cause: error,
  })
}

export function stateOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null
  return /^[0-9A-Z]{5}$/.test(error.code) ? error.code : null
}
