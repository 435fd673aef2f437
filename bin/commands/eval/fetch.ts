import { type Command, InvalidArgumentError } from 'commander'
import { fetchSet } from '../../../eval/fetch/fetch-set.ts'
import { PUBLIC_SETS } from '../../../eval/fetch/public-sets.ts'
import { interruptible } from '../../lifetime.ts'
import { examples, httpUrl } from '../../options.ts'
import { ProgressLine } from '../../terminal.ts'

interface Options {
  readonly into: string
  readonly baseUrl?: string
  readonly md5?: string
}

export function addFetch(evaluation: Command): void {
  evaluation
    .command('fetch')
    .summary('download a public set of judged queries')
    .description(
      `Downloads a set of BEIR from its authors' server, checks it against the published checksum, and unpacks it. An interrupted download goes on where it stopped. Sets: ${Object.keys(PUBLIC_SETS).join(', ')}. Each has a licence of its own.`,
    )
    .argument('<name>', 'of the set')
    .option('--into <folder>', 'where its folder will stand', 'data')
    .option('--base-url <url>', 'another server with <name>.zip', httpUrl)
    .option('--md5 <checksum>', 'of the archive, where another is expected than the published', md5)
    .addHelpText(
      'after',
      examples('quarry eval fetch scifact', 'quarry eval fetch fiqa --into /srv/beir'),
    )
    .action(run)
}

function md5(text: string): string {
  if (/^[0-9a-f]{32}$/i.test(text)) return text.toLowerCase()
  throw new InvalidArgumentError('It must be 32 hexadecimal digits.')
}

const MIB = 1024 * 1024

async function run(name: string, options: Options): Promise<void> {
  const interruption = interruptible()
  const progress = new ProgressLine()
  try {
    const folder = await fetchSet({
      name,
      into: options.into,
      baseUrl: options.baseUrl ?? null,
      md5: options.md5 ?? null,
      signal: interruption.signal,
      onProgress: (done, total) =>
        progress.draw({
          done: Math.round(done / MIB),
          share: total === null ? null : done / total,
          unit: 'MiB',
        }),
    })
    progress.clear()
    process.stdout.write(`${folder}\n`)
  } finally {
    progress.clear()
    process.exitCode = interruption.exitCode() ?? process.exitCode
  }
}
