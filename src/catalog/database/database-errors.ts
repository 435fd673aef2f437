import { type ErrorCode, QuarryError } from '../../core/errors.ts'

/** SQLSTATE of a database error, or of the one that a QuarryError was made from. */
export function sqlState(error: unknown): string | undefined {
  if (error instanceof QuarryError) return sqlState(error.cause)
  if (!(error instanceof Error)) return undefined
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined
}

/** Says what a failed statement means to a caller. The driver's error stays reachable as `cause`. */
export function describeFailure(error: unknown): QuarryError {
  if (error instanceof QuarryError) return error
  const text = error instanceof Error ? error.message : String(error)
  const state = sqlState(error)
  const [code, message] = state === undefined ? withoutState(error, text) : withState(state, text)
  return new QuarryError(code, message, { cause: error })
}

function withState(state: string, text: string): readonly [ErrorCode, string] {
  const known = BY_STATE[state]
  if (known !== undefined) return [known[0], `${known[1]} (${state}: ${text})`]
  if (/^(08|53|57P)/.test(state)) {
    return ['unavailable', `the database cannot serve now (${state}: ${text})`]
  }
  return ['internal', `the database refused a statement (${state}: ${text})`]
}

const BY_STATE: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  '53100': ['unavailable', "the database's disk is full: free space or enlarge it"],
  '57014': ['deadline_exceeded', 'a statement ran past its time and was stopped'],
  '25P03': ['deadline_exceeded', 'a transaction stood idle past its time and was rolled back'],
  '40001': ['unavailable', 'the transaction met another one and was rolled back'],
  '40P01': ['unavailable', 'the transaction met another one and was rolled back'],
}

/** The driver's and the network's own errors carry no SQLSTATE, only a system code or nothing but words. */
function withoutState(error: unknown, text: string): readonly [ErrorCode, string] {
  const lost =
    CONNECTION_CODES.has(String((error as { code?: unknown } | null)?.code)) ||
    /connection terminated|not queryable|timeout exceeded when trying to connect|after calling end/i.test(
      text,
    )
  return lost
    ? ['unavailable', `no connection to the database (${text})`]
    : ['internal', `the database driver failed (${text})`]
}

const CONNECTION_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
])
