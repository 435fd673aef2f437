import type { Command } from 'commander'
import { QuarryError } from '../../src/core/errors.ts'
import { createLog } from '../../src/observe/log.ts'
import { openService } from '../../src/service.ts'
import { type SettingsOptions, settingsOf, settingsOptions } from '../connect.ts'
import { untilStopped } from '../lifetime.ts'
import { examples } from '../options.ts'

export function addWork(program: Command): void {
  settingsOptions(
    program
      .command('work')
      .description(
        'Runs an ingestion worker beside query services that share one Postgres (DATABASE_URL).',
      ),
  )
    .addHelpText('after', examples('DATABASE_URL=postgres://… quarry work'))
    .action(work)
}

async function work(options: SettingsOptions): Promise<void> {
  const config = await settingsOf(options)
  if (config.database_url === null)
    throw new QuarryError(
      'invalid_request',
      'work needs DATABASE_URL: the embedded catalog has one process, and `quarry serve` works on its jobs itself',
    )
  const log = createLog({ level: config.log_level })
  const service = await openService(config, { roles: { worker: true, replica: false }, log })
  log.info('working')
  await untilStopped()
  await service.close(config.limits.drainMs)
}
