import { addAbortSignal } from 'node:stream'
import { type Command, InvalidArgumentError } from 'commander'
import { QuarryError } from '../../src/core/errors.ts'
import type { Client } from '../client.ts'
import { type ConnectOptions, connect, connectOptions } from '../connect.ts'
import { documentsOfFiles, documentsOfInput } from '../documents.ts'
import { EXIT } from '../exit.ts'
import { findFiles } from '../find-files.ts'
import { type IngestSummary, ingest } from '../ingest.ts'
import { type Interruption, interruptible } from '../lifetime.ts'
import { examples } from '../options.ts'
import { paint } from '../terminal.ts'
import type { Item } from '../wire.ts'

interface Options extends ConnectOptions {
  readonly collection: string
  readonly wait: boolean
  readonly json?: boolean
}

interface Source {
  readonly items: AsyncIterable<Item>
  share(): number | null
}

const FAILURES_SHOWN = 20

export function addIngest(program: Command): void {
  connectOptions(
    program
      .command('ingest')
      .summary('put documents into a collection and wait until they are searchable')
      .description(
        'Ingests files, every supported file of folders, globs, or standard input (-): text, Markdown, HTML, JSON, JSONL and PDF. A JSONL whose lines have a "text" holds one document a line, with "id" (or "_id"), "title", "source" and "metadata" beside it. The id of any other document is its path below the folder or the fixed part of the glob. The same document again costs nothing.',
      )
      .argument('<inputs...>', 'files, folders, globs, or - for standard input', collectInputs)
      .option(
        '-c, --collection <name>',
        'made with the default policy if it is not there',
        'default',
      )
      .option('--no-wait', 'return when the documents are stored, not when they are searchable')
      .option('--json', 'print the summary as JSON'),
  )
    .addHelpText(
      'after',
      examples(
        'quarry ingest docs/ README.md -c handbook',
        "quarry ingest 'docs/**/*.md' --url http://127.0.0.1:7700 --key qk_…",
        'cat corpus.jsonl | quarry ingest -',
      ),
    )
    .action(run)
}

function collectInputs(input: string, before: readonly string[] | undefined): string[] {
  if (input === '') throw new InvalidArgumentError('It is empty.')
  return [...(before ?? []), input]
}

async function run(inputs: string[], options: Options): Promise<void> {
  const interruption = interruptible()
  const source = await sourceOf(inputs, interruption.signal)
  const client = await connect(options, { worker: true, replica: true })
  try {
    await makeCollection(client, options.collection)
    const summary = await ingest(client, source.items, {
      collection: options.collection,
      wait: options.wait,
      quiet: options.json === true,
      signal: interruption.signal,
      share: source.share,
    })
    process.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : report(summary, options))
    process.exitCode = exitCodeOf(summary, interruption)
  } finally {
    await client.close(interruption.signal.aborted ? 0 : undefined)
  }
}

function exitCodeOf({ failed }: IngestSummary, interruption: Interruption): number {
  return interruption.exitCode() ?? (failed.length > 0 ? EXIT.failed : EXIT.ok)
}

/** Making one takes the scope admin, which a key for ingestion need not have. */
async function makeCollection(client: Client, name: string): Promise<void> {
  const path = `/v1/collections/${encodeURIComponent(name)}`
  try {
    await client.call('GET', path)
  } catch (error) {
    if (!(error instanceof QuarryError) || error.code !== 'not_found') throw error
    await client.call('PUT', path, {})
  }
}

/** Finds the files before anything is opened, so that a typing mistake shows at once. */
async function sourceOf(inputs: readonly string[], signal: AbortSignal): Promise<Source> {
  const paths = inputs.filter((input) => input !== '-')
  const takesInput = paths.length < inputs.length
  const files = await findFiles(paths)
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  let read = 0
  const onBytes = (bytes: number): void => {
    read += bytes
  }
  return {
    items: (async function* () {
      yield* documentsOfFiles(files, onBytes)
      if (takesInput) yield* documentsOfInput(addAbortSignal(signal, process.stdin))
    })(),
    share: () => (takesInput || total === 0 ? null : read / total),
  }
}

function report(summary: IngestSummary, { collection, wait }: Options): string {
  const { documents, created, updated, unchanged, indexed, failed, seconds } = summary
  const rate = seconds > 0 ? documents / seconds : 0
  const lines = [
    `${paint('bold', `${documents} documents`)} into "${collection}" in ${seconds.toFixed(1)} s (${rate.toFixed(0)}/s)`,
    `  ${created} new, ${updated} changed, ${unchanged} unchanged`,
    wait
      ? `  ${indexed} indexed, ${failed.length} failed`
      : `  ${failed.length} failed; the others are stored, and the service indexes them`,
    ...failed
      .slice(0, FAILURES_SHOWN)
      .map(({ document, reason }) => `  ${paint('red', '✗')} ${document}: ${reason}`),
  ]
  if (failed.length > FAILURES_SHOWN)
    lines.push(`  … and ${failed.length - FAILURES_SHOWN} more; --json lists them all`)
  if (summary.interrupted)
    lines.push('  interrupted: the same command again goes on where this one stopped')
  return `${lines.join('\n')}\n`
}
