import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { Client } from '../client.ts'
import { connect } from '../connect.ts'
import { documentsOfFiles } from '../documents.ts'
import { EXIT } from '../exit.ts'
import { findFiles } from '../find-files.ts'
import { type IngestSummary, ingest } from '../ingest.ts'
import { interruptible } from '../lifetime.ts'
import { examples } from '../options.ts'
import { packageRoot } from '../package-root.ts'
import { showAnswer } from '../show.ts'
import { paint } from '../terminal.ts'
import type { RetrieveAnswer } from '../wire.ts'

interface Question {
  readonly question: string
  /** The document that holds the answer. */
  readonly document: string
}

interface Asked extends Question {
  readonly answer: RetrieveAnswer
}

const COLLECTION = 'demo'
const RIGHT_FIRST_MIN = 9

export function addDemo(program: Command): void {
  program
    .command('demo')
    .summary('ingest the handbook that ships with the project and ask it ten questions')
    .description(
      'Ingests a harbour handbook in several formats and the project’s own documents into a temporary folder, asks ten questions, and prints hits, scores by leg, a prompt and the timings.',
    )
    .option('--json', 'print the answers as JSON')
    .addHelpText('after', examples('quarry demo', 'quarry demo --json'))
    .action(demo)
}

async function demo(options: { readonly json?: boolean }): Promise<void> {
  const interruption = interruptible()
  const folder = await mkdtemp(join(tmpdir(), 'quarry-demo-'))
  try {
    const client = await connect({ dataDir: folder }, { worker: true, replica: true })
    try {
      const summary = await fill(client, options.json === true, interruption.signal)
      if (summary.interrupted) return
      const asked = await askAll(client, summary)
      process.stdout.write(
        options.json ? `${JSON.stringify(asJson(asked, summary))}\n` : asText(asked, summary),
      )
      if (rightFirst(asked) < RIGHT_FIRST_MIN) process.exitCode = EXIT.failed
    } finally {
      await client.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
    process.exitCode = interruption.exitCode() ?? process.exitCode
  }
}

async function fill(client: Client, quiet: boolean, signal: AbortSignal): Promise<IngestSummary> {
  const docs = join(await packageRoot(), 'docs')
  await client.call('PUT', `/v1/collections/${COLLECTION}`, {})
  const handbook = await findFiles([join(docs, 'demo', 'handbook')])
  const ownPages = (await findFiles([docs])).filter(({ id }) => !id.includes('/'))
  const files = [...handbook, ...ownPages]
  return ingest(client, documentsOfFiles(files), {
    collection: COLLECTION,
    wait: true,
    quiet,
    signal,
  })
}

async function askAll(client: Client, { version }: IngestSummary): Promise<Asked[]> {
  const path = join(await packageRoot(), 'docs', 'demo', 'questions.json')
  const questions = JSON.parse(await readFile(path, 'utf8')) as Question[]
  const asked: Asked[] = []
  for (const [index, question] of questions.entries()) {
    const answer = await client.call<RetrieveAnswer>('POST', '/v1/retrieve', {
      collection: COLLECTION,
      query: question.question,
      top_k: 5,
      explain: true,
      budget_ms: 5_000,
      ...(version === null ? {} : { min_version: version }),
      prompt: { format: index === 0 ? 'text' : 'openai', max_tokens: index === 0 ? 700 : 2_000 },
    })
    asked.push({ ...question, answer })
  }
  return asked
}

function isRight({ document, answer }: Asked): boolean {
  return answer.hits[0]?.document_id === document
}

function rightFirst(asked: readonly Asked[]): number {
  return asked.filter(isRight).length
}

function asJson(asked: readonly Asked[], summary: IngestSummary): object {
  return {
    ingested: summary,
    questions: asked.map((each) => ({
      question: each.question,
      document: each.document,
      right_first: isRight(each),
      first: each.answer.hits[0]?.document_id ?? null,
      hits: each.answer.hits,
      degraded: each.answer.degraded,
      timings_ms: each.answer.timings_ms,
      prompt_tokens: each.answer.prompt?.tokens ?? null,
    })),
  }
}

function asText(asked: readonly Asked[], { documents, seconds, failed }: IngestSummary): string {
  const parts = [
    paint(
      'bold',
      `${documents} documents ingested in ${seconds.toFixed(1)} s, ${failed.length} failed`,
    ),
    'The embedder is the offline default: a table of token vectors distilled from a transformer, in this process.\n',
  ]
  for (const [index, each] of asked.entries()) {
    const mark = isRight(each) ? paint('green', '✓') : paint('red', `✗ expected ${each.document}`)
    // One prompt in full shows what the gateway gets; ten would bury the hits.
    const answer = index === 0 ? each.answer : { ...each.answer, prompt: null }
    parts.push(
      `${mark} ${showAnswer(each.question, answer, { hitsMax: index === 0 ? 3 : 2, textMax: 220 })}`,
    )
  }
  parts.push(paint('bold', `right document first: ${rightFirst(asked)} of ${asked.length}\n`))
  return parts.join('\n')
}
