import type { Command } from 'commander'
import { isLoopback } from '../../src/config/load.ts'
import { startServer } from '../../src/http/server.ts'
import { createLog } from '../../src/observe/log.ts'
import { openService, type Service } from '../../src/service.ts'
import { type SettingsOptions, settingsOf, settingsOptions } from '../connect.ts'
import { untilStopped } from '../lifetime.ts'
import { paint } from '../terminal.ts'

interface Options extends SettingsOptions {
  readonly host?: string
  readonly port?: string
}

export function addServe(program: Command): void {
  settingsOptions(
    program
      .command('serve')
      .description(
        'Runs the query service; embedded (without DATABASE_URL) it also works on the jobs.',
      )
      .option('--host <address>', 'address to listen on')
      .option('--port <number>', 'port to listen on; 0 picks a free one'),
  ).action(serve)
}

async function serve(options: Options): Promise<void> {
  const config = await settingsOf(options, { host: options.host, port: portOf(options.port) })
  const log = createLog({ level: config.log_level })
  const worker =
    config.worker === 'on' || (config.worker === 'auto' && config.database_url === null)
  const service = await openService(config, { roles: { worker, replica: true }, log })
  const firstKey = await makeFirstKey(service, config.insecure_no_auth)
  const host = firstKey === null || isLoopback(config.host) ? config.host : '127.0.0.1'
  const server = await startServer(service.app, {
    host,
    port: config.port,
    ...service.serverLimits,
  })
  announce(server.url, firstKey, host === config.host ? null : config.host)
  await untilStopped()
  log.info('stopping')
  service.drain()
  await server.close(config.limits.drainMs)
  await service.close(config.limits.drainMs)
}

function portOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text)
}

/** With no key at all nobody could get in: one admin key is made, shown once, and only this machine can use it. */
async function makeFirstKey(service: Service, noAuth: boolean): Promise<string | null> {
  if (noAuth || (await service.catalog.keys.count()) > 0) return null
  const { secret } = await service.catalog.keys.create({
    name: 'first admin key',
    scopes: ['admin'],
    tenant: null,
  })
  return secret
}

function announce(url: string, firstKey: string | null, hostRefused: string | null): void {
  process.stdout.write(`${paint('bold', 'quarry')} listens on ${url}\n`)
  if (firstKey === null) return
  process.stdout.write(
    `\nThis is the first start, so here is an admin key, shown this once:\n\n  ${paint('green', firstKey)}\n\n`,
  )
  if (hostRefused !== null)
    process.stdout.write(
      `Until the next start only this machine can connect; then ${hostRefused} is used.\n`,
    )
}
