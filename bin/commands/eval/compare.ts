import type { Command } from 'commander'
import { compareResults, type Difference } from '../../../eval/compare.ts'
import { readResult } from '../../../eval/result/read-result.ts'
import { STAGES, type Stage } from '../../../eval/target.ts'
import { numberWithin } from '../../eval/compare-options.ts'
import { choice, examples } from '../../options.ts'
import { paint, table } from '../../terminal.ts'

interface Options {
  readonly stage?: readonly Stage[]
  readonly metric?: readonly string[]
  readonly confidence: number
  readonly json?: boolean
}

export function addCompare(evaluation: Command): void {
  evaluation
    .command('compare')
    .summary('what changed from one result to another')
    .description(
      'Compares two results on the same queries: each metric’s difference with its interval by paired bootstrap, and p by a randomisation test. Refuses results of other queries or other judgments.',
    )
    .argument('<before>', 'result.json of the one')
    .argument('<after>', 'result.json of the other')
    .addOption(choice('--stage <stage...>', 'all that both have by default', STAGES))
    .option('--metric <name...>', 'all that both have by default')
    .option('--confidence <share>', 'of the interval', numberWithin(0.5, 0.9999), 0.95)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('quarry eval compare before/result.json after/result.json'))
    .action(compare)
}

async function compare(before: string, after: string, options: Options): Promise<void> {
  const { stage: stages, metric: metrics, confidence } = options
  const differences = await compareResults(await readResult(before), await readResult(after), {
    stages,
    metrics,
    confidence,
  })
  process.stdout.write(
    options.json ? `${JSON.stringify({ differences })}\n` : report(differences, confidence),
  )
}

function report(differences: readonly Difference[], confidence: number): string {
  const head = [
    'stage',
    'metric',
    'before',
    'after',
    'difference',
    `${confidence * 100} % interval`,
    'p',
    'better/worse/queries',
  ]
  const rows = differences.map((each) => [
    each.stage,
    each.metric,
    each.before.toFixed(4),
    each.after.toFixed(4),
    signed(each.difference),
    `${signed(each.low)} to ${signed(each.high)}`,
    each.p.toFixed(4),
    `${each.better}/${each.worse}/${each.queries}`,
  ])
  const [titles = '', ...lines] = table([head, ...rows]).split('\n')
  const coloured = lines.map((line, at) => {
    const each = differences[at]
    if (each === undefined || (each.low <= 0 && each.high >= 0)) return line
    return paint(each.difference > 0 ? 'green' : 'red', line)
  })
  return `${[paint('dim', titles), ...coloured].join('\n')}\n`
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`
}
