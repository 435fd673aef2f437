import { type Command, InvalidArgumentError } from 'commander'
import type { ChunkingScores } from '../../../eval/chunking/evaluate-chunking.ts'
import { readSpanSet } from '../../../eval/chunking/read-span-set.ts'
import { scoreChunker } from '../../../eval/suite/score-chunker.ts'
import { STAGES, type Stage } from '../../../eval/target.ts'
import { type CollectionPolicy, collectionPolicySchema } from '../../../src/catalog/policy.ts'
import type { Config } from '../../../src/config/schema.ts'
import { toCamel } from '../../../src/core/casing.ts'
import { LIMITS } from '../../../src/core/limits.ts'
import { type SettingsOptions, settingsOf, settingsOptions } from '../../connect.ts'
import { cutDocuments } from '../../eval/cut-documents.ts'
import { openPassagesTarget } from '../../eval/open-target.ts'
import { interruptible } from '../../lifetime.ts'
import { choice, examples, jsonObject, wholeNumber } from '../../options.ts'
import { table } from '../../terminal.ts'

interface Options extends SettingsOptions {
  readonly tokens?: readonly number[]
  readonly overlap?: number
  readonly stage: Stage
  readonly n: number
  readonly policy: Readonly<Record<string, unknown>>
  readonly json?: boolean
}

const BUDGET_MS = 30_000

export function addChunks(evaluation: Command): void {
  settingsOptions(
    evaluation
      .command('chunks')
      .summary('score chunk sizes by the characters that they retrieve')
      .description(
        'Cuts the documents of a set with evidence spans, retrieves passages for each question, and says what share of the evidence they hold (recall), what share of them is evidence (precision), and IoU, all by characters as in Chroma’s report on chunking; precision omega is what the chunks would allow a perfect ranking.',
      )
      .argument('<set>', 'folder in BEIR layout with spans.jsonl beside')
      .option('--tokens <n...>', 'chunk sizes to compare; the default policy’s when absent', sizes)
      .option(
        '--overlap <n>',
        'tokens that a chunk shares with the one before',
        wholeNumber(LIMITS.chunkOverlapTokens),
      )
      .addOption(choice('--stage <stage>', 'that ranks the chunks', STAGES).default('lexical'))
      .option('-n <n>', 'passages retrieved', wholeNumber(LIMITS.topK), 5)
      .option('--policy <json>', 'what else the collection’s policy says', jsonObject, {})
      .option('--json', 'print JSON'),
  )
    .addHelpText(
      'after',
      examples('quarry eval chunks data/chroma-chunking --tokens 128 256 384 512'),
    )
    .action(run)
}

function sizes(text: string, before: readonly number[] = []): readonly number[] {
  const { min, max } = LIMITS.chunkTokens
  const value = Number(text)
  if (!Number.isInteger(value) || value < min || value > max)
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
  return [...before, value]
}

async function run(folder: string, options: Options): Promise<void> {
  const { signal } = interruptible()
  const set = await readSpanSet(folder)
  const config = await settingsOf(options)
  const rows: { readonly tokens: number; readonly scores: ChunkingScores }[] = []
  const usual = chunkerOf(config)
  for (const tokensMax of options.tokens ?? [usual.tokensMax]) {
    const chunking = { tokensMax, overlapTokens: options.overlap ?? usual.overlapTokens }
    const scores = await scoreChunker(set, chunking, options.stage, options.n, {
      signal,
      cut: (documents) => cutDocuments(documents, chunking, config.limits, signal),
      open: (dataset) =>
        openPassagesTarget(dataset, config, {
          policy: options.policy,
          budgetMs: BUDGET_MS,
          withDense: options.stage !== 'lexical',
          withExact: false,
          signal,
        }),
    })
    rows.push({ tokens: tokensMax, scores })
  }
  process.stdout.write(options.json ? `${JSON.stringify(asJson(rows))}\n` : report(rows, options))
}

/** Of a collection that is made without saying how to cut. */
function chunkerOf({ collection_defaults: defaults }: Config): CollectionPolicy['chunker'] {
  const named = toCamel(defaults) as Record<string, unknown>
  return collectionPolicySchema.parse({ embedder: 'any', ...named }).chunker
}

type Rows = readonly { readonly tokens: number; readonly scores: ChunkingScores }[]

function asJson(rows: Rows): object {
  const chunkings = rows.map(({ tokens, scores: { n, chunks, chunkChars, means } }) => ({
    tokens,
    n,
    chunks,
    chunk_chars: Math.round(chunkChars),
    recall: means.recall,
    precision: means.precision,
    precision_omega: means.precisionOmega,
    iou: means.iou,
  }))
  return { chunkings }
}

function report(rows: Rows, { stage, n }: Options): string {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
  const head = ['tokens', 'chunks', 'characters', 'recall', 'precision', 'precision Ω', 'IoU']
  const lines = rows.map(({ tokens, scores: { chunks, chunkChars, means } }) => [
    String(tokens),
    String(chunks),
    chunkChars.toFixed(0),
    percent(means.recall),
    percent(means.precision),
    percent(means.precisionOmega),
    percent(means.iou),
  ])
  return `${table([head, ...lines])}\nof ${n} passages, ranked by ${stage}\n`
}
