import type { Command } from 'commander'
import { type ConnectOptions, connect, connectOptions } from '../connect.ts'
import { showAnswer } from '../show.ts'
import type { RetrieveAnswer } from '../wire.ts'

interface Options extends ConnectOptions {
  readonly collection: string
  readonly topK: string
  readonly mode: string
  readonly budget?: string
  readonly filter?: string
  readonly prompt?: boolean
  readonly format: string
  readonly maxTokens: string
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
      .option('-k, --top-k <n>', 'hits', '5')
      .option('--mode <mode>', 'hybrid, dense or lexical', 'hybrid')
      .option('--budget <ms>', 'deadline of the whole answer in milliseconds')
      .option(
        '--filter <json>',
        'filter as in the API: {"must":[{"field":"lang","op":"eq","value":"en"}]}',
      )
      .option('--prompt', 'assemble the prompt as well')
      .option('--format <format>', 'openai, anthropic, cohere or text', 'text')
      .option('--max-tokens <n>', 'token budget of the prompt', '2000')
      .option('--json', 'print the answer of the API'),
  ).action(run)
}

async function run(query: string, options: Options): Promise<void> {
  const client = await connect(options, { worker: false })
  try {
    const answer = await client.call<RetrieveAnswer>(
      'POST',
      '/v1/retrieve',
      requestOf(query, options),
    )
    process.stdout.write(
      options.json
        ? `${JSON.stringify(answer)}\n`
        : showAnswer(query, answer, { hitsMax: Number(options.topK) }),
    )
  } finally {
    await client.close()
  }
}

function requestOf(query: string, options: Options): object {
  return {
    collection: options.collection,
    query,
    top_k: Number(options.topK),
    mode: options.mode,
    explain: true,
    ...(options.budget === undefined ? {} : { budget_ms: Number(options.budget) }),
    ...(options.filter === undefined ? {} : { filter: JSON.parse(options.filter) as unknown }),
    ...(options.prompt
      ? { prompt: { format: options.format, max_tokens: Number(options.maxTokens) } }
      : {}),
  }
}
