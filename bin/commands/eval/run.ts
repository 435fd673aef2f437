import type { Command } from 'commander'
import { type Evaluation, evaluate } from '../../../eval/evaluate.ts'
import { buildResult } from '../../../eval/result/build-result.ts'
import { STAGES, type Stage } from '../../../eval/target.ts'
import { LIMITS } from '../../../src/core/limits.ts'
import { counterFor } from '../../../src/evals/counter-for.ts'
import { connectOptions } from '../../connect.ts'
import { DEFAULT_METRICS, metricName } from '../../eval/metric-option.ts'
import { type DatasetOptions, openDataset } from '../../eval/open-dataset.ts'
import { openTarget } from '../../eval/open-target.ts'
import { showResult } from '../../eval/show-result.ts'
import { writeOutputs } from '../../eval/write-outputs.ts'
import { interruptible } from '../../lifetime.ts'
import { choice, examples, jsonObject, wholeNumber } from '../../options.ts'
import { ProgressLine } from '../../terminal.ts'
import { version } from '../../version.ts'

interface Options extends DatasetOptions {
  readonly ingest?: boolean
  readonly policy: Readonly<Record<string, unknown>>
  readonly stage: readonly Stage[]
  readonly metric: readonly string[]
  readonly depth: number
  readonly k: number
  readonly budget: number
  readonly neighbours: number
  readonly name?: string
  readonly out?: string
  readonly json?: boolean
}

const QUERIES_MAX = 1_000_000
const WARM_UP = 20

export function addRun(evaluation: Command): void {
  connectOptions(
    evaluation
      .command('run')
      .summary('score a set of judged queries, stage by stage')
      .description(
        'Asks every judged query of a set at each stage (dense, lexical, fused, reranked) and scores the answers. Without --collection the set’s own documents are indexed for the purpose: as passages, each one chunk, or with --ingest as they would come in. With --collection an existing one is asked; document ids are then the catalog’s.',
      )
      .argument(
        '[set]',
        'folder in BEIR layout, JSONL of golden queries, or TREC topics with --qrels; left out, the golden queries of the collection',
      )
      .option('--qrels <file>', 'TREC judgments, where the set is a file of topics')
      .option('--split <name>', 'which judgments of a BEIR folder', 'test')
      .option('-c, --collection <name>', 'an existing collection to ask')
      .option('--ingest', 'parse, cut and embed the set as the service does')
      .option(
        '--policy <json>',
        'policy of the collection that is made for the set, as in the API',
        jsonObject,
        {},
      )
      .addOption(choice('--stage <stage...>', 'stages to ask', STAGES).default([...STAGES]))
      .option(
        '--metric <name...>',
        'such as ndcg@10, recall@100, mrr@10',
        metricName,
        DEFAULT_METRICS,
      )
      .option('--depth <n>', 'chunks asked of each stage', wholeNumber(LIMITS.topK), 100)
      .option(
        '-k <n>',
        'places that count as shown when losses are attributed',
        wholeNumber(LIMITS.topK),
        10,
      )
      .option(
        '--queries <n>',
        'at most so many, evenly spread over the set',
        wholeNumber({ min: 1, max: QUERIES_MAX }),
        QUERIES_MAX,
      )
      .option('--budget <ms>', 'deadline of each answer', wholeNumber(LIMITS.budgetMs), 10_000)
      .option(
        '--neighbours <k>',
        'compare the index’s k nearest with the exact ones; 0 for not',
        wholeNumber({ min: 0, max: LIMITS.topK.max }),
        10,
      )
      .option('--name <text>', 'name of the result')
      .option('-o, --out <folder>', 'write result.json, report.html, report.md and TREC runs')
      .option('--json', 'print the result as JSON'),
  )
    .addHelpText(
      'after',
      examples(
        'quarry eval run data/scifact -o scifact-result',
        'quarry eval run -c handbook --url http://127.0.0.1:7700 --key qk_…',
        `quarry eval run data/scifact --policy '{"fusion":{"weights":{"dense":1,"lexical":1}}}'`,
      ),
    )
    .action(run)
}

async function run(set: string | undefined, options: Options): Promise<void> {
  const interruption = interruptible()
  const dataset = await openDataset(set, options)
  const progress = new ProgressLine()
  const { target, close } = await openTarget(dataset, {
    ...options,
    budgetMs: options.budget,
    signal: interruption.signal,
    onProgress: (note) => progress.note(note),
    ingests: options.ingest === true,
    withDense: options.stage.some((stage) => stage !== 'lexical'),
    withExact: options.neighbours > 0 && options.stage.includes('dense'),
  })
  try {
    const evaluation = await evaluate(dataset, target, {
      stages: options.stage,
      depth: options.depth,
      // Asked twice, a service answers from its cache, which says nothing of its latency.
      warmUp: target.about.kind === 'passages' ? WARM_UP : 0,
      neighbours: options.neighbours,
      countTokens: await counterFor(options.metric),
      signal: interruption.signal,
      onProgress: (done, total) =>
        progress.draw({ done, share: done / total, note: '', unit: 'queries' }),
    })
    progress.clear()
    await present(evaluation, options)
  } finally {
    progress.clear()
    await close()
    process.exitCode = interruption.exitCode() ?? process.exitCode
  }
}

async function present(evaluation: Evaluation, options: Options): Promise<void> {
  const result = await buildResult(evaluation, {
    name: options.name ?? evaluation.dataset.name,
    quarryVersion: await version(),
    createdAt: new Date(),
    k: options.k,
    metrics: options.metric,
  })
  if (options.out !== undefined) await writeOutputs(options.out, result, evaluation)
  process.stdout.write(
    options.json ? `${JSON.stringify(result)}\n` : showResult(result, options.out),
  )
}
