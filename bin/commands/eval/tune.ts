import { type Command, InvalidArgumentError } from 'commander'
import { type Evaluation, evaluate } from '../../../eval/evaluate.ts'
import { parseMetric } from '../../../eval/metrics/parse-metric.ts'
import { type Tuned, tune, type Variant } from '../../../eval/tune/tune.ts'
import type { Dataset } from '../../../eval/types.ts'
import { QuarryError } from '../../../src/core/errors.ts'
import { LIMITS } from '../../../src/core/limits.ts'
import { connect, connectOptions } from '../../connect.ts'
import { indexVariants } from '../../eval/index-variants.ts'
import { type DatasetOptions, openDataset } from '../../eval/open-dataset.ts'
import { type OpenTarget, openTarget } from '../../eval/open-target.ts'
import { showTuned } from '../../eval/show-tuned.ts'
import { type Interruption, interruptible } from '../../lifetime.ts'
import { choice, examples, jsonObject, wholeNumber } from '../../options.ts'
import { ProgressLine } from '../../terminal.ts'

interface Options extends DatasetOptions {
  readonly policy: Readonly<Record<string, unknown>>
  readonly k1?: readonly number[]
  readonly b?: readonly number[]
  readonly analyzer?: readonly string[]
  readonly chunkTokens?: readonly number[]
  readonly metric: string
  readonly folds: number
  readonly seed: number
  readonly depth: number
  readonly budget: number
  readonly write?: boolean
  readonly json?: boolean
}

const QUERIES_MAX = 100_000

export function addTune(evaluation: Command): void {
  connectOptions(
    evaluation
      .command('tune')
      .summary('fit fusion, and BM25, to judged queries')
      .description(
        'Asks both legs once, then tries every fusion (method, weights, k, candidates) on what they answered, and says by cross-validation what the best gains over what serves now. --k1, --b, --analyzer and --chunk-tokens try other ways of indexing too, each indexed for the purpose; with --chunk-tokens documents are cut and embedded as the service does. Nothing changes unless --write is given and the gain is above chance.',
      )
      .argument('[set]', 'as eval run takes it; left out, the golden queries of the collection')
      .option('--qrels <file>', 'TREC judgments, where the set is a file of topics')
      .option('--split <name>', 'which judgments of a BEIR folder', 'test')
      .option('-c, --collection <name>', 'tune this collection, as it is indexed')
      .option('--policy <json>', 'what serves now, where the set is indexed for it', jsonObject, {})
      .option('--k1 <n...>', 'BM25’s k1 to try', numbers)
      .option('--b <n...>', 'BM25’s b to try', numbers)
      .addOption(choice('--analyzer <name...>', 'analyzers to try', ['english', 'unicode', 'code']))
      .option('--chunk-tokens <n...>', 'sizes of chunks to try', numbers)
      .option('--metric <name>', 'what to raise', 'ndcg@10')
      .option('--folds <n>', 'parts of the cross-validation', wholeNumber({ min: 2, max: 20 }), 5)
      .option('--seed <n>', 'of folds and intervals', wholeNumber({ min: 0, max: 2 ** 31 }), 1)
      .option(
        '--queries <n>',
        'at most so many, evenly spread over the set',
        wholeNumber({ min: 1, max: QUERIES_MAX }),
        QUERIES_MAX,
      )
      .option('--depth <n>', 'candidates asked of each leg', wholeNumber(LIMITS.topK), 200)
      .option('--budget <ms>', 'deadline of each answer', wholeNumber(LIMITS.budgetMs), 10_000)
      .option('--write', 'give the collection the best fusion, where its gain is above chance')
      .option('--json', 'print JSON'),
  )
    .addHelpText(
      'after',
      examples(
        'quarry eval tune -c handbook',
        'quarry eval tune data/handbook --chunk-tokens 256 448 768',
        'quarry eval tune data/scifact --k1 0.9 1.2 --b 0.4 0.6',
      ),
    )
    .action(run)
}

function numbers(text: string, before: readonly number[] = []): readonly number[] {
  const number = Number(text)
  if (text.trim() === '' || !Number.isFinite(number))
    throw new InvalidArgumentError(`${JSON.stringify(text)} is no number.`)
  return [...before, number]
}

async function run(set: string | undefined, options: Options): Promise<void> {
  const interruption = interruptible()
  const metric = parseMetric(options.metric)
  if (metric.needsTokens)
    throw new QuarryError('invalid_request', `${metric.name} is not one to tune by: it needs texts`)
  const dataset = await openDataset(set, options)
  try {
    const variants = await askVariants(dataset, options, interruption)
    const { folds, seed } = options
    const tuned = await tune(variants, { metric, folds, seed })
    const written = options.write === true ? await write(tuned, options) : null
    process.stdout.write(
      options.json
        ? `${JSON.stringify({ metric: options.metric, ...inSnakeCase(tuned), written })}\n`
        : showTuned(tuned, options.metric, written),
    )
  } finally {
    process.exitCode = interruption.exitCode() ?? process.exitCode
  }
}

async function askVariants(
  dataset: Dataset,
  options: Options,
  interruption: Interruption,
): Promise<Variant[]> {
  const variants: Variant[] = []
  for (const variant of indexVariants(options)) {
    const { target, close } = await openTarget(dataset, {
      ...options,
      policy: variant.policy,
      budgetMs: options.budget,
      signal: interruption.signal,
      ingests: options.chunkTokens !== undefined,
      withDense: true,
      withExact: false,
    })
    try {
      const evaluation = await ask(dataset, target, options, interruption)
      variants.push({ ...variant, evaluation })
    } finally {
      await close()
    }
  }
  return variants
}

async function ask(
  dataset: Dataset,
  target: OpenTarget['target'],
  { depth }: Options,
  { signal }: Interruption,
): Promise<Evaluation> {
  const progress = new ProgressLine()
  try {
    return await evaluate(dataset, target, {
      stages: ['dense', 'lexical', 'fused'],
      depth,
      signal,
      onProgress: (done, total) =>
        progress.draw({ done, share: done / total, note: '', unit: 'queries' }),
    })
  } finally {
    progress.clear()
  }
}

/** What was written, or null where nothing was: only a collection has a policy, and only a gain above chance changes it. */
async function write({ best, isBetter }: Tuned, options: Options): Promise<object | null> {
  if (!isBetter || options.collection === undefined) return null
  const { fusion, candidates } = best
  const change = { fusion, candidates }
  const client = await connect(options, { worker: false, replica: false })
  try {
    await client.call('PATCH', `/v1/collections/${encodeURIComponent(options.collection)}`, {
      policy: change,
    })
    return change
  } finally {
    await client.close()
  }
}

function inSnakeCase({ isBetter, byFold, ...tuned }: Tuned) {
  return { ...tuned, is_better: isBetter, by_fold: byFold }
}
