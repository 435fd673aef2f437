import { z } from 'zod'
import { LIMITS, type LimitName } from '../src/core/limits.ts'
import { Secret } from '../src/core/secret.ts'

/** A whole number inside one of the service's limits, which also gives the default. */
export function within(name: LimitName): z.ZodDefault<z.ZodInt> {
  const { min, max, default: normal, about } = LIMITS[name]
  return z.int().min(min).max(max).default(normal).describe(about)
}

/** Text from a file or the environment, where a trailing newline is a common accident; kept as a `Secret`. */
export const secret = z.union([
  z.instanceof(Secret),
  z
    .string()
    .trim()
    .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces')
    .transform((value) => new Secret(value)),
])

export const httpUrl = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ''))

/** What every adapter that calls a model server can be told about calling it. */
export const upstreamOptions = {
  concurrency: within('upstreamConcurrency'),
  breaker_failures: within('breakerFailures'),
  breaker_open_ms: within('breakerOpenMs'),
  headers: z.record(z.string().regex(/^[A-Za-z0-9-]+$/), secret).default({}),
}

/** What adapters are handed by the service beside their options. */
export interface AdapterContext {
  /** Told when the circuit to an upstream opens, half-opens or closes. */
  readonly onBreaker?: ((name: string, state: 'closed' | 'open' | 'half_open') => void) | undefined
}

export function revealHeaders(
  headers: Readonly<Record<string, Secret>>,
  apiKey: Secret | undefined,
): Record<string, string> {
  const revealed = Object.entries(headers).map(([name, value]) => [name, value.reveal()] as const)
  const own = Object.fromEntries(revealed)
  return apiKey === undefined ? own : { authorization: `Bearer ${apiKey.reveal()}`, ...own }
}
