import type { Command } from 'commander'
import { type ConnectOptions, connect, connectOptions } from '../connect.ts'
import { documentsOf, documentsOfInput, findFiles } from '../documents.ts'
import { EXIT } from '../exit.ts'
import { type IngestSummary, ingest } from '../ingest.ts'
import { paint } from '../terminal.ts'
import type { DocumentOnWire } from '../wire.ts'

interface Options extends ConnectOptions {
  readonly collection: string
  readonly wait: boolean
  readonly json?: boolean
}

export function addIngest(program: Command): void {
  connectOptions(
    program
      .command('ingest')
      .summary('put documents into a collection and wait until they are searchable')
      .description(
        'Ingests files, every supported file of folders, globs, or standard input (-). A JSONL file whose lines have a "text" holds one document a line. The same document again costs nothing.',
      )
      .argument('<inputs...>', 'files, folders, globs, or - for standard input')
      .option(
        '-c, --collection <name>',
        'made with the default policy if it is not there',
        'default',
      )
      .option('--no-wait', 'return when the documents are stored, not when they are searchable')
      .option('--json', 'print the summary as JSON'),
  ).action(run)
}

async function run(inputs: string[], options: Options): Promise<void> {
  const client = await connect(options, { worker: true })
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort(new Error('interrupted')))
  try {
    await client.call('PUT', `/v1/collections/${options.collection}`, {})
    const summary = await ingest(client, await sourceOf(inputs), {
      collection: options.collection,
      wait: options.wait,
      quiet: options.json === true,
      signal: interrupted.signal,
    })
    process.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : report(summary, options))
    if (summary.failed.length > 0) process.exitCode = EXIT.failed
  } finally {
    await client.close()
  }
}

async function sourceOf(inputs: readonly string[]): Promise<AsyncIterable<DocumentOnWire>> {
  if (inputs.length === 1 && inputs[0] === '-') return documentsOfInput(process.stdin)
  const files = await findFiles(inputs)
  return (async function* () {
    for (const file of files) yield* documentsOf(file)
  })()
}

function report(summary: IngestSummary, { collection, wait }: Options): string {
  const { documents, created, updated, unchanged, indexed, failed, seconds } = summary
  const rate = seconds > 0 ? documents / seconds : 0
  const lines = [
    `${paint('bold', `${documents} documents`)} into "${collection}" in ${seconds.toFixed(1)} s (${rate.toFixed(0)}/s)`,
    `  ${created} new, ${updated} changed, ${unchanged} unchanged`,
    wait
      ? `  ${indexed} indexed, ${failed.length} failed`
      : '  stored; indexing goes on in the service',
    ...failed
      .slice(0, 20)
      .map(({ document, reason }) => `  ${paint('red', '✗')} ${document}: ${reason}`),
  ]
  if (failed.length > 20) lines.push(`  … and ${failed.length - 20} more`)
  return `${lines.join('\n')}\n`
}
