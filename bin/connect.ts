import { type Command, Option } from 'commander'
import { loadConfig } from '../src/config/load.ts'
import type { Config } from '../src/config/schema.ts'
import { createLog } from '../src/observe/log.ts'
import { adapterSchemas, openService, type Roles } from '../src/service.ts'
import { type Client, createClient } from './client.ts'
import { choice, httpUrl } from './options.ts'

const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug']

export interface SettingsOptions {
  readonly config?: string
  readonly dataDir?: string
  readonly logLevel?: string
}

export interface ConnectOptions extends SettingsOptions {
  readonly url?: string
  readonly key?: string
  readonly tenant?: string
}

export function settingsOptions(command: Command): Command {
  return command
    .option('--config <file>', 'configuration file (QUARRY_CONFIG); quarry.json if it is there')
    .option('--data-dir <folder>', 'folder of the embedded catalog (QUARRY_DATA_DIR)')
    .addOption(choice('--log-level <level>', 'of the log on standard error', LOG_LEVELS))
}

export function connectOptions(command: Command): Command {
  return settingsOptions(command)
    .addOption(
      new Option(
        '--url <url>',
        'a running service; without it the catalog is opened in this process',
      )
        .env('QUARRY_URL')
        .argParser(httpUrl),
    )
    .option('--key <key>', 'API key for --url (QUARRY_KEY)')
    .option('--tenant <id>', 'tenant to act for (QUARRY_TENANT)')
}

export function settingsOf(
  options: SettingsOptions,
  flags: Readonly<Record<string, unknown>> = {},
): Promise<Config> {
  return loadConfig(adapterSchemas, {
    flags: { data_dir: options.dataDir, log_level: options.logLevel, ...flags },
    env: process.env,
    file: options.config ?? process.env['QUARRY_CONFIG'],
  })
}

/** A client of the service at `--url`, or of one opened in this process on the configured catalog. */
export async function connect(options: ConnectOptions, roles: Roles): Promise<Client> {
  const { url } = options
  const tenant = options.tenant ?? process.env['QUARRY_TENANT'] ?? null
  if (url !== undefined) {
    const key = options.key ?? process.env['QUARRY_KEY'] ?? null
    return createClient({ target: url, fetch: (request) => fetch(request), key, tenant })
  }
  const config = await settingsOf(options)
  const log = createLog({ level: options.logLevel === undefined ? 'error' : config.log_level })
  const service = await openService({ ...config, insecure_no_auth: true }, { roles, log })
  await service.ready
  return createClient({
    target: 'this process',
    fetch: (request) => service.app.fetch(request),
    key: null,
    tenant: tenant ?? 'default',
    close: (drainMs = config.limits.drainMs) => service.close(drainMs),
  })
}
