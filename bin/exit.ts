import { ERRORS, QuarryError } from '../src/core/errors.ts'

/** Exit codes of every command. */
export const EXIT = {
  ok: 0,
  /** It ran, and something it was asked for did not come out: documents that failed, a gate not held. */
  failed: 1,
  /** Wrong usage or configuration. */
  usage: 2,
  /** Something outside did not answer; the same command may work later. */
  unavailable: 3,
} as const

/** A `QuarryError` is for people and prints as its message; anything else is a bug and prints its stack. */
export function reportError(error: unknown): number {
  if (!(error instanceof QuarryError)) {
    process.stderr.write(
      `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    )
    return EXIT.failed
  }
  process.stderr.write(`quarry: ${error.message}\n`)
  if (ERRORS[error.code].retryable) return EXIT.unavailable
  return error.code === 'invalid_request' || error.code === 'unsupported' ? EXIT.usage : EXIT.failed
}
