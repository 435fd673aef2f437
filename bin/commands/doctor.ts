import type { Command } from 'commander'
import { createLog } from '../../src/observe/log.ts'
import { diagnose } from '../../src/service/diagnose.ts'
import type { Finding } from '../../src/service/finding.ts'
import { type SettingsOptions, settingsOf, settingsOptions } from '../connect.ts'
import { EXIT } from '../exit.ts'
import { examples } from '../options.ts'
import { paint, table } from '../terminal.ts'

interface Options extends SettingsOptions {
  readonly json?: boolean
}

export function addDoctor(program: Command): void {
  settingsOptions(
    program
      .command('doctor')
      .description(
        'Prints the settings in force, secrets masked, and asks every dependency whether it answers, and repeats what the latest evals warn of. Changes nothing but what any start does, and works on no jobs.',
      )
      .option('--json', 'print JSON'),
  )
    .addHelpText('after', examples('quarry doctor', 'quarry doctor --json --config quarry.json'))
    .action(doctor)
}

async function doctor(options: Options): Promise<void> {
  const config = await settingsOf(options)
  const findings = await diagnose(config, createLog({ level: 'silent' }))
  const healthy = findings.every(({ state }) => state !== 'failed')
  if (options.json) process.stdout.write(`${JSON.stringify({ healthy, config, findings })}\n`)
  else process.stdout.write(`${JSON.stringify(config, null, 2)}\n\n${report(findings)}\n`)
  if (!healthy) process.exitCode = EXIT.failed
}

const MARKS = { ok: '✓', warning: '!', failed: '✗' } as const
const COLOURS = { ok: 'green', warning: 'yellow', failed: 'red' } as const

function report(findings: readonly Finding[]): string {
  const rows = findings.map(({ name, state, detail }) => [MARKS[state], name, detail])
  return table(rows)
    .split('\n')
    .map((line, index) => paint(COLOURS[findings[index]?.state ?? 'failed'], line))
    .join('\n')
}
