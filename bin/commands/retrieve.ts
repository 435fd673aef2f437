import type { Command } from 'commander'
import { LIMITS } from '../../src/core/limits.ts'
import { PROMPT_FORMATS } from '../../src/prompt/prompt.ts'
import { type ConnectOptions, connect, connectOptions } from '../connect.ts'
import { choice, examples, jsonObject, wholeNumber } from '../options.ts'
import { showAnswer } from '../show.ts'
import type { RetrieveAnswer } from '../wire.ts'

const MODES = ['hybrid', 'dense', 'lexical'] as const

interface Options extends ConnectOptions {
  readonly collection: string
  readonly topK: number
  readonly mode: string
  readonly budget?: number
  readonly filter?: Readonly<Record<string, unknown>>
  readonly prompt?: boolean
  readonly format: string
  readonly maxTokens: number
  readonly json?: boolean
}

export function addRetrieve(program: Command): void {
  connectOptions(
    program
      .command('retrieve')
      .summary('ask a collection')
      .description(
        'Prints the hits with their scores by leg, the timings, and with --prompt the finished prompt.',
      )
      .argument('<query>', 'the question')
      .option('-c, --collection <name>', 'where to look', 'default')
      .option('-k, --top-k <n>', 'hits', wholeNumber(LIMITS.topK), 5)
      .addOption(choice('--mode <mode>', 'legs to search', MODES).default('hybrid'))
      .option(
        '--budget <ms>',
        'deadline of the whole answer in milliseconds',
        wholeNumber(LIMITS.budgetMs),
      )
      .option(
        '--filter <json>',
        'filter as in the API: {"must":[{"field":"lang","op":"eq","value":"en"}]}',
        jsonObject,
      )
      .option('--prompt', 'assemble the prompt as well')
      .addOption(choice('--format <format>', 'shape of the prompt', PROMPT_FORMATS).default('text'))
      .option(
        '--max-tokens <n>',
        'token budget of the prompt',
        wholeNumber(LIMITS.promptTokens),
        2_000,
      )
      .option('--json', 'print the answer of the API'),
  )
    .addHelpText(
      'after',
      examples(
        'quarry retrieve "Where can I buy diesel?" -c handbook',
        'quarry retrieve "Where can I buy diesel?" -c handbook --prompt --format openai --json',
      ),
    )
    .action(run)
}

async function run(query: string, options: Options): Promise<void> {
  const client = await connect(options, { worker: false, replica: true })
  try {
    const answer = await client.call<RetrieveAnswer>(
      'POST',
      '/v1/retrieve',
      requestOf(query, options),
    )
    process.stdout.write(
      options.json
        ? `${JSON.stringify(answer)}\n`
        : showAnswer(query, answer, { hitsMax: options.topK }),
    )
  } finally {
    await client.close()
  }
}

function requestOf(query: string, options: Options): object {
  return {
    collection: options.collection,
    query,
    top_k: options.topK,
    mode: options.mode,
    explain: true,
    ...(options.budget === undefined ? {} : { budget_ms: options.budget }),
    ...(options.filter === undefined ? {} : { filter: options.filter }),
    ...(options.prompt
      ? { prompt: { format: options.format, max_tokens: options.maxTokens } }
      : {}),
  }
}
