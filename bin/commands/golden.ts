import { readFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import { type Command, InvalidArgumentError } from 'commander'
import { QuarryError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import type { Client } from '../client.ts'
import { type ConnectOptions, connect, connectOptions } from '../connect.ts'
import { examples } from '../options.ts'
import { paint, table } from '../terminal.ts'

interface Options extends ConnectOptions {
  readonly collection: string
  readonly tag?: string
  readonly json?: boolean
}

interface PromoteOptions extends Options {
  readonly relevant: Readonly<Record<string, number>>
  readonly query?: string
  readonly id?: string
  readonly note?: string
}

/** Golden queries live in the catalog alone: no index has to be loaded. */
const ROLES = { worker: false, replica: false } as const
const PATH = '/v1/golden-queries'

export function addGolden(program: Command): void {
  const golden = program
    .command('golden')
    .description(
      'Golden queries, by which evals measure a collection: import, export, list, promote',
    )
  command(golden, 'import', 'Adds or replaces golden queries, all of a file or none.')
    .argument(
      '<file>',
      'JSONL with {"id", "query", "relevant": {"<document id>": grade}} a line, or a JSON array; - for standard input',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', examples('quarry golden import questions.jsonl -c handbook'))
    .action(importFile)
  command(golden, 'export', 'Prints all golden queries as JSONL, as an import takes them.')
    .option('--tag <tag>', 'only those with this tag')
    .addHelpText('after', examples('quarry golden export -c handbook > questions.jsonl'))
    .action(exportAll)
  command(golden, 'list', 'Lists golden queries.')
    .option('--tag <tag>', 'only those with this tag')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('quarry golden list -c handbook'))
    .action(list)
  command(
    golden,
    'promote',
    'Makes a golden query of a past retrieval and the documents that were right.',
  )
    .argument('[retrieval]', 'its id, while the service remembers it')
    .requiredOption(
      '--relevant <document...>',
      'what was right; document=2 gives another grade than 1, document=0 says that it was wrong',
      addJudgment,
    )
    .option('--query <text>', 'the question, where the retrieval is not remembered')
    .option('--id <id>', 'of the golden query')
    .option('--note <text>', 'for people')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'quarry golden promote ret_… --relevant fuel.md prices.md=2 -c handbook --url http://127.0.0.1:7700',
        'quarry golden promote --query "Where can I buy diesel?" --relevant fuel.md -c handbook',
      ),
    )
    .action(promote)
}

function command(golden: Command, name: string, about: string): Command {
  return connectOptions(golden.command(name).description(about)).option(
    '-c, --collection <name>',
    'whose golden queries',
    'default',
  )
}

/** An `=` in a document's id is part of it unless a grade follows. */
function addJudgment(
  text: string,
  before: Readonly<Record<string, number>> = {},
): Readonly<Record<string, number>> {
  const [, document = text, grade = '1'] = /^(.+)=(\d{1,3})$/.exec(text) ?? []
  if (document === '') throw new InvalidArgumentError('It is empty.')
  if (Number(grade) > LIMITS.goldenGrade.max)
    throw new InvalidArgumentError(`A grade is at most ${LIMITS.goldenGrade.max}.`)
  return { ...before, [document]: Number(grade) }
}

async function within<T>(options: Options, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(options, ROLES)
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

interface Missing {
  readonly missing_documents: readonly string[]
  readonly missing_total: number
}

async function importFile(file: string, options: Options): Promise<void> {
  const body = await (file === '-' ? readAll(process.stdin) : readFile(file, 'utf8')).catch(
    (cause: unknown) => {
      throw new QuarryError('invalid_request', `${file} cannot be read`, { cause })
    },
  )
  const isArray = body.trimStart().startsWith('[')
  const headers = { 'content-type': isArray ? 'application/json' : 'application/x-ndjson' }
  const answer = await within(options, (client) =>
    client.call<{ imported: number; created: number; updated: number } & Missing>(
      'POST',
      `${PATH}:import?${queryOf(options)}`,
      body,
      { headers },
    ),
  )
  const { imported, created, updated } = answer
  const summary = `${imported} golden queries into "${options.collection}": ${created} new, ${updated} replaced`
  print(options, answer, `${paint('bold', summary)}${missingText(answer)}`)
}

async function exportAll(options: Options): Promise<void> {
  const path = `${PATH}:export?${queryOf(options)}`
  const text = await within(options, (client) =>
    client.call<string>('GET', path, undefined, { asText: true }),
  )
  process.stdout.write(text)
}

interface GoldenOnWire {
  readonly id: string
  readonly query: string
  readonly relevant: Readonly<Record<string, number>>
  readonly tags: readonly string[]
  readonly source: string
}

interface Page {
  readonly golden_queries: readonly GoldenOnWire[]
  readonly next_cursor: string | null
}

async function list(options: Options): Promise<void> {
  const found = await within(options, async (client) => {
    const all: GoldenOnWire[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const next: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const page: Page = await client.call('GET', `${PATH}?limit=500&${queryOf(options)}${next}`)
      all.push(...page.golden_queries)
      cursor = page.next_cursor
    }
    return all
  })
  const rows = found.map(({ id, query, relevant, tags, source }) => [
    id,
    query.length > 60 ? `${query.slice(0, 59)}…` : query,
    String(Object.values(relevant).filter((grade) => grade > 0).length),
    tags.join(','),
    source,
  ])
  print(options, found, table([['id', 'query', 'relevant', 'tags', 'source'], ...rows]))
}

async function promote(retrieval: string | undefined, options: PromoteOptions): Promise<void> {
  const { collection, relevant, query, id, note } = options
  const body = {
    collection,
    relevant,
    ...(retrieval === undefined ? {} : { retrieval_id: retrieval }),
    ...(query === undefined ? {} : { query }),
    ...(id === undefined ? {} : { id }),
    ...(note === undefined ? {} : { note }),
  }
  const answer = await within(options, (client) =>
    client.call<GoldenOnWire & Missing & { unjudged_documents: readonly string[] }>(
      'POST',
      `${PATH}:promote`,
      body,
    ),
  )
  const { unjudged_documents: unjudged } = answer
  const rest = unjudged.length === 0 ? '' : `\n  not judged: ${unjudged.join(', ')}`
  const summary = `${answer.id}: ${answer.query}`
  print(options, answer, `${paint('bold', summary)}${rest}${missingText(answer)}`)
}

function queryOf({ collection, tag }: Options): string {
  return new URLSearchParams({ collection, ...(tag === undefined ? {} : { tag }) }).toString()
}

function missingText({ missing_documents: shown, missing_total: total }: Missing): string {
  if (total === 0) return ''
  const more = total > shown.length ? ', …' : ''
  return `\n  not in the collection now: ${total} (${shown.slice(0, 10).join(', ')}${shown.length > 10 ? ', …' : more})`
}

function print({ json }: Options, answer: object, text: string): void {
  process.stdout.write(`${json ? JSON.stringify(answer) : text}\n`)
}
