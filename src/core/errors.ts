/** Every error this product raises on purpose. `code` is stable API; `message` is for people. */
export class QuarryError extends Error {
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: QuarryErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'QuarryError'
    this.code = code
    this.retryable = options.retryable ?? ERRORS[code].retryable
    this.details = options.details ?? {}
  }

  get status(): number {
    return ERRORS[this.code].status
  }
}

export interface QuarryErrorOptions {
  readonly cause?: unknown
  readonly retryable?: boolean
  readonly details?: Readonly<Record<string, unknown>>
}

/** The whole taxonomy in one table: code, HTTP status, and whether a retry can help. */
export const ERRORS = {
  invalid_request: { status: 400, retryable: false },
  unauthenticated: { status: 401, retryable: false },
  forbidden: { status: 403, retryable: false },
  not_found: { status: 404, retryable: false },
  conflict: { status: 409, retryable: false },
  payload_too_large: { status: 413, retryable: false },
  unsupported: { status: 422, retryable: false },
  rate_limited: { status: 429, retryable: true },
  internal: { status: 500, retryable: false },
  upstream_failed: { status: 502, retryable: true },
  unavailable: { status: 503, retryable: true },
  deadline_exceeded: { status: 504, retryable: true },
} as const satisfies Record<string, { status: number; retryable: boolean }>

export type ErrorCode = keyof typeof ERRORS
