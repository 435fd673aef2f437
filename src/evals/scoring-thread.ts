import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import type { Answered, Evaluation } from '../../eval/evaluate.ts'
import { buildResult, type ResultOptions } from '../../eval/result/build-result.ts'
import type { EvalResult, QueryResult } from '../../eval/result/schema.ts'
import type { Stage } from '../../eval/target.ts'
import type { EvalQuery, Judgments } from '../../eval/types.ts'
import { QuarryError } from '../core/errors.ts'

/** Some queries with their judgments and answers. */
export interface AnswersTask {
  readonly kind: 'answers'
  readonly queries: readonly EvalQuery[]
  readonly qrels: ReadonlyMap<string, Judgments>
  readonly stages: ReadonlyMap<Stage, ReadonlyMap<string, Answered>>
}

/** There are no more of them: score them all. */
export interface ScoreTask extends Pick<Evaluation, 'target' | 'depth' | 'missing'> {
  readonly kind: 'score'
  readonly name: string
  readonly options: ResultOptions
}

export type ScoringTask = AnswersTask | ScoreTask

export type ScoringAnswer =
  | { readonly kind: 'queries'; readonly queries: readonly QueryResult[] }
  | { readonly kind: 'scored'; readonly summary: Omit<EvalResult, 'queries'> }
  | { readonly kind: 'failed'; readonly error: Fault }

/** What of an error crosses the thread's border. */
type Fault = Pick<QuarryError, 'code' | 'message'> & { readonly cause?: unknown }

/** Results of so many queries in one message, so that taking it holds nobody up. */
const SENT = 50
/** Behind whatever serves callers. */
const NICENESS = 10

try {
  // On Linux this is the thread's own.
  if (process.platform === 'linux') setPriority(0, NICENESS)
} catch {
  // A sandbox that forbids it is no reason not to score.
}

const queries: EvalQuery[] = []
const qrels = new Map<string, Judgments>()
const stages = new Map<Stage, Map<string, Answered>>()

parentPort?.on('message', (task: ScoringTask) => {
  if (task.kind === 'answers') keep(task)
  else score(task).catch((error: unknown) => send({ kind: 'failed', error: faultOf(error) }))
})

function keep(task: AnswersTask): void {
  queries.push(...task.queries)
  for (const [query, judgments] of task.qrels) qrels.set(query, judgments)
  for (const [stage, answers] of task.stages) {
    const kept = stages.get(stage) ?? new Map<string, Answered>()
    for (const [query, answered] of answers) kept.set(query, answered)
    stages.set(stage, kept)
  }
}

async function score({ name, target, depth, missing, options }: ScoreTask): Promise<void> {
  const dataset = { name, queries, qrels, corpus: noCorpus }
  const evaluation = { dataset, target, depth, stages, missing, neighbours: new Map() }
  const { queries: results, ...summary } = await buildResult(evaluation, options)
  for (let from = 0; from < results.length; from += SENT)
    send({ kind: 'queries', queries: results.slice(from, from + SENT) })
  send({ kind: 'scored', summary })
}

async function* noCorpus(): AsyncGenerator<never> {}

function send(answer: ScoringAnswer): void {
  parentPort?.postMessage(answer)
}

function faultOf(error: unknown): Fault {
  if (error instanceof QuarryError) return { code: error.code, message: error.message }
  return { code: 'internal', message: 'scoring failed', cause: error }
}
