#!/usr/bin/env node
import { Command } from 'commander'
import { addDemo } from './commands/demo.ts'
import { addDoctor } from './commands/doctor.ts'
import { addEval } from './commands/eval/eval.ts'
import { addGolden } from './commands/golden.ts'
import { addIngest } from './commands/ingest.ts'
import { addKeys } from './commands/keys.ts'
import { addModels } from './commands/models.ts'
import { addRetrieve } from './commands/retrieve.ts'
import { addServe } from './commands/serve.ts'
import { addWork } from './commands/work.ts'
import { EXIT, reportError } from './exit.ts'
import { version } from './version.ts'

const program = new Command('quarry')
  .description(
    'Documents in; the right passages and a finished prompt out, inside a latency budget.',
  )
  .version(await version())
  .showHelpAfterError('(quarry <command> --help shows what it takes)')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT.ok : EXIT.usage))
  .addHelpText(
    'after',
    '\nExit codes: 0 done, 1 something failed, 2 wrong usage or configuration, 3 a dependency did not answer.',
  )

for (const add of [
  addServe,
  addWork,
  addIngest,
  addRetrieve,
  addKeys,
  addGolden,
  addEval,
  addModels,
  addDoctor,
  addDemo,
])
  add(program)

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = reportError(error)
}
