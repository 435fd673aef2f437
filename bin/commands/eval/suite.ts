import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { readBeir } from '../../../eval/formats/beir.ts'
import type { Bound } from '../../../eval/suite/bound.ts'
import type { Setup, SuiteSources } from '../../../eval/suite/context.ts'
import { runSuite, SUITE_NAMES, type SuiteResult } from '../../../eval/suite/suite.ts'
import { STAGES } from '../../../eval/target.ts'
import type { Dataset } from '../../../eval/types.ts'
import { loadConfig } from '../../../src/config/load.ts'
import type { Config } from '../../../src/config/schema.ts'
import { toSnake } from '../../../src/core/casing.ts'
import { QuarryError } from '../../../src/core/errors.ts'
import { adapterSchemas } from '../../../src/service.ts'
import { cutDocuments } from '../../eval/cut-documents.ts'
import { openPassagesTarget } from '../../eval/open-target.ts'
import { EXIT } from '../../exit.ts'
import { type Interruption, interruptible } from '../../lifetime.ts'
import { choice, examples } from '../../options.ts'
import { paint, table } from '../../terminal.ts'

interface Options {
  readonly data: string
  readonly only?: readonly string[]
  readonly minilm?: string
  readonly full?: boolean
  readonly json?: boolean
}

export function addSuite(evaluation: Command): void {
  evaluation
    .command('suite')
    .summary('measure what the project promises about its quality')
    .description(
      'Runs the bounds of docs/QUALITY.md on a folder of sets in BEIR layout, with the defaults of a fresh install whatever the environment says. Sets that are not there are listed as not run. Ends with 1 when a bound does not hold.',
    )
    .addOption(
      new Option('--data <folder>', 'that holds the sets, each in a folder of its name')
        .env('QUARRY_EVAL_DATA')
        .makeOptionMandatory(),
    )
    .addOption(choice('--only <name...>', 'parts of the suite', SUITE_NAMES))
    .option('--minilm <folder>', 'all-MiniLM-L6-v2 as ONNX, for the bound with a transformer')
    .option(
      '--full',
      'every query of every set; without it 1,000 of the large ones where all stages are asked',
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples('quarry eval suite --data data', 'quarry eval suite --data data --only bm25 --json'),
    )
    .action(suite)
}

async function suite(options: Options): Promise<void> {
  const interruption = interruptible()
  try {
    const result = await runSuite(sourcesOf(options, interruption), options.only ?? [])
    process.stdout.write(options.json ? `${JSON.stringify(toSnake(result))}\n` : report(result))
    if (result.bounds.some(({ holds }) => holds === false)) process.exitCode = EXIT.failed
  } finally {
    process.exitCode = interruption.exitCode() ?? process.exitCode
  }
}

function sourcesOf(options: Options, { signal }: Interruption): SuiteSources {
  const folderOf = (name: string): string => join(options.data, name)
  return {
    folderOf,
    signal,
    cut: async (documents, chunking) => {
      const { limits } = await loadConfig(adapterSchemas, DEFAULTS)
      return cutDocuments(documents, chunking, limits, signal)
    },
    full: options.full === true,
    log: (line) => process.stderr.write(`${line}\n`),
    readSet: async (name) => {
      const folder = folderOf(name)
      return existsSync(join(folder, 'queries.jsonl')) ? readBeir(folder) : null
    },
    openTarget: (dataset, setup) => openTarget(dataset, setup, options, signal),
  }
}

/** Generous, so that a busy machine degrades no answer: these bounds are about quality. */
const BUDGET_MS = 30_000

async function openTarget(
  dataset: Dataset,
  setup: Setup,
  { minilm }: Options,
  signal: AbortSignal,
) {
  return openPassagesTarget(dataset, await configFor(setup, minilm), {
    policy: { lexical: { analyzer: setup.analyzer } },
    budgetMs: BUDGET_MS,
    withDense: setup.embedder !== 'none',
    withExact: false,
    signal,
  })
}

/** Of a fresh install; the environment and its file would make the numbers those of somebody's settings. */
async function configFor({ embedder }: Setup, minilm: string | undefined): Promise<Config> {
  if (embedder === 'default' || embedder === 'none') return loadConfig(adapterSchemas, DEFAULTS)
  if (embedder === 'minilm' && minilm === undefined)
    throw new QuarryError('unsupported', 'no folder of the model is given: --minilm <folder>')
  const named = embedder === 'static' ? { adapter: 'static' } : { adapter: 'onnx', folder: minilm }
  if (!Object.hasOwn(adapterSchemas.embedders, named.adapter))
    throw new QuarryError('unsupported', `there is no embedder "${named.adapter}" in this version`)
  return loadConfig(adapterSchemas, { ...DEFAULTS, flags: { embedders: { [embedder]: named } } })
}

const DEFAULTS = { env: {} }

function report({ bounds, sets }: SuiteResult): string {
  const rows = bounds.map(({ name, value, bound, relation, holds, reason }) => [
    holds === null ? '–' : holds ? '✓' : '✗',
    name,
    value === null ? 'not run' : value.toFixed(4),
    `${relation} ${bound}`,
    reason?.split('\n')[0] ?? '',
  ])
  const lines = table(rows).split('\n')
  const parts = sets.map(({ name, setup, queries, stages }) => [
    `${name} (${setup.embedder}, ${setup.analyzer})`,
    String(queries),
    ...STAGES.map((stage) => stages[stage]?.metrics['ndcg@10']?.toFixed(4) ?? '–'),
    ...STAGES.map((stage) => stages[stage]?.metrics['recall@100']?.toFixed(4) ?? '–'),
  ])
  const head = [
    'set',
    'queries',
    ...STAGES.map((stage) => `${stage} ndcg@10`),
    ...STAGES.map((stage) => `${stage} recall@100`),
  ]
  return `${[...lines.map((line, at) => coloured(line, bounds[at])), '', table([head, ...parts])].join('\n')}\n`
}

function coloured(line: string, bound: Bound | undefined): string {
  if (bound?.holds === true) return paint('green', line)
  return bound?.holds === false ? paint('red', line) : paint('dim', line)
}
