import { QuarryError } from '../core/errors.ts'

/** A fault of the text itself. Anything else (a key, an outage, a bug) would fail for every text alike. */
export function blamesText(error: unknown): boolean {
  if (!(error instanceof QuarryError)) return false
  return ['invalid_request', 'payload_too_large', 'unsupported'].includes(error.code)
}
