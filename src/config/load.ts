import { readFile } from 'node:fs/promises'
import { QuarryError } from '../core/errors.ts'
import { nearest } from '../core/nearest.ts'
import { Secret } from '../core/secret.ts'
import { explainIssues } from './explain.ts'
import { type AdapterSchemas, type Config, configSchema } from './schema.ts'

export interface ConfigSources {
  /** Settings from the command line, in the file's shape; undefined values do not count. */
  readonly flags?: Readonly<Record<string, unknown>> | undefined
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Path of a JSON file. A named file must exist; the default one (`quarry.json`) need not. */
  readonly file?: string | undefined
}

const DEFAULT_FILE = 'quarry.json'
const ENV_PREFIX = 'QUARRY_'
/** Names that other tools already use for the same thing. */
const ENV_ALIASES: Readonly<Record<string, string>> = {
  DATABASE_URL: 'database_url',
  REDIS_URL: 'redis_url',
}
/** Read by the command line itself, so they are not settings. */
const ENV_OF_CLIENT = new Set(['QUARRY_URL', 'QUARRY_KEY', 'QUARRY_CONFIG', 'QUARRY_TENANT'])

/**
 * Flags over environment over file over defaults, each key by itself. `{"env": "NAME"}` anywhere in the file stands
 * for the value of that variable and is kept secret.
 * @throws QuarryError `invalid_request` listing every fault with its place
 */
export async function loadConfig(
  adapters: AdapterSchemas,
  sources: ConfigSources,
): Promise<Config> {
  const env = sources.env ?? {}
  const schema = configSchema(adapters)
  const fromFile = resolveReferences(await readConfigFile(sources.file), env)
  const settings = merge(merge(fromFile, fromEnvironment(env, schema)), sources.flags ?? {})
  const parsed = schema.safeParse(settings)
  if (!parsed.success) {
    const faults = explainIssues(parsed.error, schema)
    throw new QuarryError(
      'invalid_request',
      `the configuration is not valid:\n  ${faults.join('\n  ')}`,
    )
  }
  if (parsed.data.insecure_no_auth && !isLoopback(parsed.data.host))
    throw new QuarryError('invalid_request', 'insecure_no_auth: allowed only with a loopback host')
  return parsed.data
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

async function readConfigFile(named: string | undefined): Promise<Record<string, unknown>> {
  const path = named ?? DEFAULT_FILE
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (named === undefined && (cause as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new QuarryError('invalid_request', `cannot read the configuration file ${path}`, {
      cause,
    })
  }
  try {
    const parsed: unknown = JSON.parse(text)
    if (isPlainObject(parsed)) return parsed
  } catch (cause) {
    throw new QuarryError('invalid_request', `${path} is not JSON: ${String(cause)}`, { cause })
  }
  throw new QuarryError('invalid_request', `${path} must hold one JSON object`)
}

/** `QUARRY_LIMITS__BUDGET_MS=500` sets `limits.budget_ms`. Values are JSON where they parse as JSON, text elsewhere. */
function fromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  schema: ReturnType<typeof configSchema>,
): Record<string, unknown> {
  let settings: Record<string, unknown> = {}
  for (const [alias, key] of Object.entries(ENV_ALIASES)) {
    const value = env[alias]
    if (value !== undefined && value !== '') settings = merge(settings, { [key]: value })
  }
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(ENV_PREFIX) || value === undefined || isForOthers(name)) continue
    const path = pathOfVariable(name, Object.keys(schema.shape))
    const nested = path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), parseValue(value))
    settings = merge(settings, nested as Record<string, unknown>)
  }
  return settings
}

function pathOfVariable(name: string, known: readonly string[]): string[] {
  const path = name.slice(ENV_PREFIX.length).toLowerCase().split('__')
  const first = path[0] ?? ''
  if (known.includes(first)) return path
  const meant = nearest(first, known)
  const hint = meant === undefined ? '' : `; did you mean ${ENV_PREFIX}${meant.toUpperCase()}?`
  throw new QuarryError('invalid_request', `${name}: no such setting${hint}`)
}

function isForOthers(name: string): boolean {
  return ENV_OF_CLIENT.has(name) || name.startsWith('QUARRY_TEST_')
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function resolveReferences(
  value: Record<string, unknown>,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, unknown> {
  const resolve = (inner: unknown): unknown => {
    if (Array.isArray(inner)) return inner.map(resolve)
    if (!isPlainObject(inner)) return inner
    const name = inner['env']
    if (Object.keys(inner).length === 1 && typeof name === 'string') {
      const found = env[name]
      if (found === undefined)
        throw new QuarryError(
          'invalid_request',
          `the configuration names the variable ${name}, which is not set`,
        )
      return new Secret(found)
    }
    return Object.fromEntries(Object.entries(inner).map(([key, nested]) => [key, resolve(nested)]))
  }
  return resolve(value) as Record<string, unknown>
}

function merge(
  under: Readonly<Record<string, unknown>>,
  over: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...under }
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue
    const below = merged[key]
    merged[key] = isPlainObject(below) && isPlainObject(value) ? merge(below, value) : value
  }
  return merged
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  )
}
