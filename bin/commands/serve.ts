import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import { isLoopback } from '../../src/config/load.ts'
import type { Config } from '../../src/config/schema.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { type RunningServer, startServer } from '../../src/http/server.ts'
import { createLog } from '../../src/observe/log.ts'
import { openService, type Service } from '../../src/service.ts'
import { type SettingsOptions, settingsOf, settingsOptions } from '../connect.ts'
import { untilStopped } from '../lifetime.ts'
import { examples, wholeNumber } from '../options.ts'
import { paint } from '../terminal.ts'

interface Options extends SettingsOptions {
  readonly host?: string
  readonly port?: number
}

export function addServe(program: Command): void {
  settingsOptions(
    program
      .command('serve')
      .description(
        'Runs the query service; embedded (without DATABASE_URL) it also works on the jobs.',
      )
      .option('--host <address>', 'address to listen on')
      .option(
        '--port <number>',
        'port to listen on; 0 picks a free one',
        wholeNumber({ min: 0, max: 65_535 }),
      ),
  )
    .addHelpText(
      'after',
      examples('quarry serve', 'DATABASE_URL=postgres://… quarry serve --host 0.0.0.0 --port 8080'),
    )
    .action(serve)
}

async function serve(options: Options): Promise<void> {
  const config = await settingsOf(options, { host: options.host, port: options.port })
  const log = createLog({ level: config.log_level })
  const worker =
    config.worker === 'on' || (config.worker === 'auto' && config.database_url === null)
  const service = await openService(config, { roles: { worker, replica: true }, log })
  try {
    const server = await listen(service, config)
    const signal = await untilStopped()
    log.info('stopping')
    service.drain()
    // Balancers have to see it before connections are refused; a person at the keyboard is not one.
    if (signal === 'SIGTERM') await pause(config.limits.drainNoticeMs)
    await server.close(config.limits.drainMs)
  } finally {
    await service.close(config.limits.drainMs)
  }
}

/** With no key at all nobody could get in: one admin key is made, shown once, and until then only this machine can connect. */
async function listen(service: Service, config: Config): Promise<RunningServer> {
  const isFirst = !config.insecure_no_auth && (await service.catalog.keys.count()) === 0
  const host = isFirst && !isLoopback(config.host) ? '127.0.0.1' : config.host
  const { serverLimits } = service
  const server = await startServer(service.app, {
    host,
    port: config.port,
    ...serverLimits,
  }).catch((cause: unknown) => {
    throw explainListen(cause, host, config.port)
  })
  // Made after the port is ours, since a key that a failed start made would never be seen.
  const firstKey = isFirst ? await makeFirstKey(service) : null
  announce(server.url, firstKey, host === config.host ? null : config.host)
  return server
}

async function makeFirstKey({ catalog }: Service): Promise<string> {
  const { secret } = await catalog.keys.create({
    name: 'first admin key',
    scopes: ['admin'],
    tenant: null,
  })
  return secret
}

function explainListen(cause: unknown, host: string, port: number): unknown {
  const { code } = cause as NodeJS.ErrnoException
  const at = `${host}:${port}`
  if (code === 'EADDRINUSE')
    return new QuarryError('conflict', `${at} is taken by another process; pass another --port`)
  if (code === 'EACCES')
    return new QuarryError(
      'forbidden',
      `this user may not listen on ${at}; ports below 1024 need a right`,
    )
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return new QuarryError('invalid_request', `host: ${host} is no address of this machine`)
  return cause
}

/** In one piece, so that who reads the address has the key as well. */
function announce(url: string, firstKey: string | null, hostRefused: string | null): void {
  const lines = [`${paint('bold', 'quarry')} listens on ${url}`]
  if (firstKey !== null)
    lines.push(
      `\nThis is the first start, so here is an admin key, shown this once:\n\n  ${paint('green', firstKey)}\n`,
    )
  if (hostRefused !== null)
    lines.push(`Until the next start only this machine can connect; then ${hostRefused} is used.`)
  process.stdout.write(`${lines.join('\n')}\n`)
}
