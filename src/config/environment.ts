import { QuarryError } from '../core/errors.ts'
import { isPlain, layer } from '../core/layer.ts'
import { nearest } from '../core/nearest.ts'
import { Secret } from '../core/secret.ts'
import { readingsOf, Written } from './written.ts'

export type Environment = Readonly<Record<string, string | undefined>>

const PREFIX = 'QUARRY_'
/** Names that other tools already use for the same thing. */
const ALIASES: Readonly<Record<string, string>> = {
  DATABASE_URL: 'database_url',
  REDIS_URL: 'redis_url',
}
/** Read by the command line itself, so they are not settings. */
const OF_CLIENT = new Set(['QUARRY_URL', 'QUARRY_KEY', 'QUARRY_CONFIG', 'QUARRY_TENANT'])

/**
 * `QUARRY_LIMITS__BUDGET_MS=500` sets `limits.budget_ms`; of two variables the one that names the deeper key wins. An
 * empty one counts as unset, since that is how compose files leave things out.
 */
export function settingsOfEnvironment(
  env: Environment,
  known: readonly string[],
): Record<string, unknown> {
  const aliased = Object.entries(ALIASES)
    .filter(([alias]) => isGiven(env[alias]))
    .map(([alias, key]) => [key, env[alias]] as const)
  const own = Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && isGiven(env[name]) && !isForOthers(name))
    .map((name) => ({ path: pathOf(name, known), value: leafOf(env[name] ?? '') }))
    .sort((a, b) => a.path.length - b.path.length)
  return own.reduce(
    (settings, { path, value }) => layer(settings, nested(path, value)),
    Object.fromEntries(aliased) as Record<string, unknown>,
  )
}

/** `{"env": "NAME"}` anywhere stands for that variable's value: a secret where the schema takes one. */
export function resolveReferences(value: unknown, env: Environment): unknown {
  if (Array.isArray(value)) return value.map((item) => resolveReferences(item, env))
  if (!isPlain(value)) return value
  const name = value['env']
  if (Object.keys(value).length === 1 && typeof name === 'string') {
    const found = env[name]?.trim() ?? ''
    if (found !== '') return new Written([new Secret(found), ...readingsOf(found)])
    throw new QuarryError(
      'invalid_request',
      `the configuration names the variable ${name}, which is not set`,
    )
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, resolveReferences(inner, env)]),
  )
}

function pathOf(name: string, known: readonly string[]): string[] {
  const path = name.slice(PREFIX.length).toLowerCase().split('__')
  const first = path[0] ?? ''
  if (known.includes(first)) return path
  const meant = nearest(first, known)
  const hint = meant === undefined ? '' : `; did you mean ${PREFIX}${meant.toUpperCase()}?`
  throw new QuarryError('invalid_request', `${name}: no such setting${hint}`)
}

function leafOf(text: string): unknown {
  const readings = readingsOf(text)
  return readings.length === 1 ? readings[0] : new Written(readings)
}

function nested(path: readonly string[], value: unknown): Record<string, unknown> {
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Record<
    string,
    unknown
  >
}

function isGiven(value: string | undefined): boolean {
  return value !== undefined && value !== ''
}

function isForOthers(name: string): boolean {
  return OF_CLIENT.has(name) || name.startsWith('QUARRY_TEST_')
}
