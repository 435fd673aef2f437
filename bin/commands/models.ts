import { basename, join } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { interruptible } from '../lifetime.ts'
import { examples, httpUrl } from '../options.ts'
import { pullModel } from '../pull-model.ts'
import { ProgressLine, paint } from '../terminal.ts'

interface PullOptions {
  readonly revision: string
  readonly to?: string
  readonly file?: string
  readonly baseUrl: string
}

export function addModels(program: Command): void {
  program
    .command('models')
    .description('local models: pull')
    .command('pull')
    .summary('download a model in ONNX from a hub')
    .description(
      'Downloads the graph and the files that say how to use it, all of one commit, and checks each. An interrupted pull goes on where it stopped. Each model has a licence of its own.',
    )
    .argument('<repo>', 'such as BAAI/bge-small-en-v1.5', repository)
    .option('--revision <name>', 'branch, tag or commit', pathLike, 'main')
    .option(
      '--to <folder>',
      'where the model will stand; models/<name of the repository> when absent',
    )
    .option('--file <path>', 'graph in the repository, such as onnx/model_quantized.onnx', pathLike)
    .option('--base-url <url>', 'another hub of the same shape', httpUrl, 'https://huggingface.co')
    .addHelpText(
      'after',
      examples(
        'quarry models pull Xenova/all-MiniLM-L6-v2',
        'quarry models pull BAAI/bge-small-en-v1.5 --to /srv/models/bge-small-en-v1.5',
        'quarry models pull Xenova/ms-marco-MiniLM-L-6-v2 --file onnx/model_quantized.onnx',
      ),
    )
    .action(pull)
}

const SEGMENTS = /^[A-Za-z0-9_][A-Za-z0-9._-]*(\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/

function repository(text: string): string {
  if (SEGMENTS.test(text) && text.split('/').length <= 2) return text
  throw new InvalidArgumentError('It must be like owner/name.')
}

function pathLike(text: string): string {
  if (SEGMENTS.test(text)) return text
  throw new InvalidArgumentError('It may have letters, digits, and . _ - / between them.')
}

const MIB = 1024 * 1024

async function pull(repo: string, options: PullOptions): Promise<void> {
  const interruption = interruptible()
  const progress = new ProgressLine()
  const to = options.to ?? join('models', basename(repo))
  try {
    await pullModel({
      repo,
      revision: options.revision,
      to,
      baseUrl: options.baseUrl,
      file: options.file ?? null,
      signal: interruption.signal,
      onProgress: (note, done, total) =>
        progress.draw({
          done: Math.round(done / MIB),
          share: total === null ? null : done / total,
          unit: 'MiB',
          note,
        }),
    })
    progress.clear()
    process.stdout.write(`${to}\n`)
    process.stderr.write(
      paint('dim', `use it: {"adapter": "onnx", "folder": ${JSON.stringify(to)}}\n`),
    )
  } finally {
    progress.clear()
    process.exitCode = interruption.exitCode() ?? process.exitCode
  }
}
