import { readFile } from 'node:fs/promises'
import { isIPv4 } from 'node:net'
import { QuarryError } from '../core/errors.ts'
import { jsonFault } from '../core/json-fault.ts'
import { isPlain, layer } from '../core/layer.ts'
import { type Environment, resolveReferences, settingsOfEnvironment } from './environment.ts'
import { explainIssues, wordIssue } from './explain.ts'
import { type AdapterSchemas, type Config, configSchema } from './schema.ts'
import { parseWritten } from './written.ts'

export interface ConfigSources {
  /** Settings from the command line, in the file's shape; undefined values do not count. */
  readonly flags?: Readonly<Record<string, unknown>> | undefined
  readonly env?: Environment | undefined
  /** Path of a JSON file. A named file must exist; the default one (`quarry.json`) need not. */
  readonly file?: string | undefined
}

const DEFAULT_FILE = 'quarry.json'

/**
 * Flags over environment over file over defaults, each key by itself.
 * @throws QuarryError `invalid_request` listing every fault with its place
 */
export async function loadConfig(
  adapters: AdapterSchemas,
  sources: ConfigSources,
): Promise<Config> {
  const env = sources.env ?? {}
  const schema = configSchema(adapters)
  const fromFile = resolveReferences(await readConfigFile(sources.file), env)
  const fromEnvironment = settingsOfEnvironment(env, Object.keys(schema.shape))
  const settings = layer(
    layer(fromFile as Record<string, unknown>, fromEnvironment),
    sources.flags ?? {},
  )
  const parsed = parseWritten(schema, settings, wordIssue)
  const faults = parsed.success ? crossFaults(parsed.data) : explainIssues(parsed.error.issues)
  if (parsed.success && faults.length === 0) return parsed.data
  throw new QuarryError(
    'invalid_request',
    `the configuration is not valid:\n  ${faults.join('\n  ')}`,
  )
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}

/** What no single setting shows. */
function crossFaults(config: Config): string[] {
  const { host, insecure_no_auth, collection_defaults: defaults } = config
  const unsafe = insecure_no_auth && !isLoopback(host)
  const named = (field: string, key: string): unknown => {
    const part = defaults[field]
    return isPlain(part) ? part[key] : null
  }
  const { generators } = config
  return [
    ...(unsafe ? [`insecure_no_auth: allowed only with a loopback host, not with ${host}`] : []),
    ...unknownName('embedder', defaults['embedder'], config.embedders),
    ...unknownName('store', defaults['store'], config.stores),
    ...unknownName('rerank.model', named('rerank', 'model'), config.rerankers),
    ...unknownName('query_expansion.generator', named('query_expansion', 'generator'), generators),
    ...unknownName('enrichment.generator', named('enrichment', 'generator'), generators),
  ]
}

function unknownName(field: string, name: unknown, known: Readonly<Record<string, unknown>>) {
  if (typeof name !== 'string' || Object.hasOwn(known, name)) return []
  const names = Object.keys(known).join(', ') || 'none'
  return [`collection_defaults.${field}: "${name}" is not configured; there are: ${names}`]
}

async function readConfigFile(named: string | undefined): Promise<Record<string, unknown>> {
  const path = named ?? DEFAULT_FILE
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (named === undefined && cause.code === 'ENOENT') return null
    const why = cause.code === 'ENOENT' ? 'there is no such file' : cause.message
    throw new QuarryError('invalid_request', `cannot read the configuration file ${path}: ${why}`, {
      cause,
    })
  })
  if (text === null) return {}
  const parsed = parseFile(path, text)
  if (isPlain(parsed)) return parsed
  throw new QuarryError('invalid_request', `${path} must hold one JSON object`)
}

function parseFile(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    // Not the cause itself: it quotes the text.
    throw new QuarryError('invalid_request', `${path} is not JSON: ${jsonFault(text, cause)}`)
  }
}
