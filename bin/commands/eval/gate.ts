import type { Command } from 'commander'
import { GATE_DEFAULTS, type GateOptions, gate } from '../../../eval/gate.ts'
import { readResult } from '../../../eval/result/read-result.ts'
import { STAGES, type Stage } from '../../../eval/target.ts'
import { numberWithin } from '../../eval/compare-options.ts'
import { EXIT } from '../../exit.ts'
import { choice, examples } from '../../options.ts'
import { paint } from '../../terminal.ts'

interface Options {
  readonly stage: Stage
  readonly metric: readonly string[]
  readonly margin: number
  readonly confidence: number
  readonly proof: GateOptions['proof']
  readonly incomplete: number
  readonly json?: boolean
}

export function addGate(evaluation: Command): void {
  evaluation
    .command('gate')
    .summary('fail when a metric fell')
    .description(
      'Compares two results and ends with 1 when a metric fell by more than the margin with confidence, or when more answers are degraded than before; with 0 when the gate holds; with 2 when the two cannot be compared.',
    )
    .argument('<before>', 'result.json of what serves now')
    .argument('<after>', 'result.json of what shall take its place')
    .addOption(choice('--stage <stage>', 'that is judged', STAGES).default(GATE_DEFAULTS.stage))
    .option('--metric <name...>', 'that may not fall', [...GATE_DEFAULTS.metrics])
    .option('--margin <fall>', 'that is accepted', numberWithin(0, 1), GATE_DEFAULTS.margin)
    .option(
      '--confidence <share>',
      'of the interval',
      numberWithin(0.5, 0.9999),
      GATE_DEFAULTS.confidence,
    )
    .addOption(
      choice(
        '--proof <kind>',
        'fall: closed by a fall that is sure; harmless: closed unless it is sure that there is none beyond the margin',
        ['fall', 'harmless'],
      ).default(GATE_DEFAULTS.proof),
    )
    .option(
      '--incomplete <share>',
      'more degraded or failed answers than before that are accepted',
      numberWithin(0, 1),
      GATE_DEFAULTS.incompleteMax,
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'quarry eval gate main/result.json branch/result.json',
        'quarry eval gate old.json new.json --metric ndcg@10 recall@100 --margin 0.005 --proof harmless',
      ),
    )
    .action(run)
}

async function run(before: string, after: string, options: Options): Promise<void> {
  const { metric: metrics, incomplete: incompleteMax, stage, margin, confidence, proof } = options
  const { holds, checks } = await gate(await readResult(before), await readResult(after), {
    metrics,
    incompleteMax,
    stage,
    margin,
    confidence,
    proof,
  })
  if (options.json) process.stdout.write(`${JSON.stringify({ holds, checks })}\n`)
  else {
    for (const check of checks)
      process.stdout.write(
        `${check.holds ? paint('green', '✓') : paint('red', '✗')} ${check.name}: ${check.detail}\n`,
      )
    process.stdout.write(`${holds ? 'the gate is open' : paint('red', 'the gate is closed')}\n`)
  }
  if (!holds) process.exitCode = EXIT.failed
}
