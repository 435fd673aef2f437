import { QuarryError } from '../src/core/errors.ts'
import { createPace } from '../src/core/pace.ts'
import {
  type Neighbours,
  STAGES,
  type Stage,
  type Target,
  type TargetAbout,
  type TargetAnswer,
  type TargetHit,
} from './target.ts'
import type { Dataset, EvalQuery, Qrels, Ranked, Run } from './types.ts'

export interface EvaluateOptions {
  /** All by default; those that the target does not have are left out and named. */
  readonly stages?: readonly Stage[]
  /** Chunks asked of each stage. */
  readonly depth: number
  /** Queries asked once before any is measured, so that compiling and loading fall on none of them. */
  readonly warmUp?: number
  /** How many nearest chunks are compared with the exact ones, where the target can; 0 for none. */
  readonly neighbours?: number
  /** Of the chunk that stands for each document, where a metric asks for it. */
  readonly countTokens?: ((text: string) => number) | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** Everything that was asked and answered; scores, reports and the tuning of fusion are all made of it. */
export interface Evaluation {
  readonly dataset: Dataset
  readonly target: TargetAbout
  readonly depth: number
  readonly stages: ReadonlyMap<Stage, StageAnswers>
  /** Why a stage that was asked for is not there. */
  readonly missing: ReadonlyMap<Stage, string>
  readonly neighbours: ReadonlyMap<string, Neighbours>
}

/** By query id. */
export type StageAnswers = ReadonlyMap<string, Answered>

export interface Answered extends Omit<TargetAnswer, 'hits'> {
  /** Chunks: for a leg, its candidates with its own scores, to be fused again without searching. */
  readonly hits: readonly TargetHit[]
  /** Documents, each at the place of its best chunk. */
  readonly documents: readonly Ranked[]
  /** Why there is no answer at all; null when there is one. */
  readonly failure: string | null
}

/** So many failures before the first answer mean that the target is not there. */
const FAILURES_MAX = 5

/**
 * Asks a target every judged query of a dataset at every stage, one question at a time, and keeps what it answered.
 * @throws QuarryError `invalid_request` when no query is judged; what the target threw when it does not answer at all
 */
export async function evaluate(
  dataset: Dataset,
  target: Target,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const queries = judgedQueries(dataset)
  const session = new Session(target, options)
  for (const { text } of queries.slice(0, options.warmUp ?? 0)) await session.warmUp(text)
  for (const [at, query] of queries.entries()) {
    await session.askAll(query)
    options.onProgress?.(at + 1, queries.length)
  }
  return {
    dataset: { ...dataset, queries, qrels: qrelsOf(queries, dataset.qrels) },
    target: target.about,
    depth: options.depth,
    stages: session.stages,
    missing: session.missing,
    neighbours: session.neighbours,
  }
}

/** A stage's answers as a run: documents in the order of the answer. */
export function runOf(answers: StageAnswers): Run {
  return new Map([...answers].map(([query, { documents }]) => [query, documents]))
}

function qrelsOf(queries: readonly EvalQuery[], qrels: Qrels): Qrels {
  return new Map(queries.map(({ id }) => [id, qrels.get(id) ?? new Map()]))
}

/** Queries without a single relevant document say nothing about a ranking. */
function judgedQueries({ name, queries, qrels }: Dataset): readonly EvalQuery[] {
  const judged = queries.filter(({ id }) =>
    [...(qrels.get(id)?.values() ?? [])].some((grade) => grade > 0),
  )
  if (judged.length > 0) return judged
  throw new QuarryError(
    'invalid_request',
    `${name}: none of its ${queries.length} queries has a document judged relevant`,
  )
}

class Session {
  readonly stages = new Map<Stage, Map<string, Answered>>()
  readonly missing = new Map<Stage, string>()
  readonly neighbours = new Map<string, Neighbours>()
  readonly #target: Target
  readonly #options: EvaluateOptions
  readonly #signal: AbortSignal
  readonly #pace = createPace()
  /** By chunk: the same ones answer many queries, at every stage. */
  readonly #tokens = new Map<string, number>()
  #answers = 0
  #failures = 0

  constructor(target: Target, options: EvaluateOptions) {
    this.#target = target
    this.#options = options
    this.#signal = options.signal ?? new AbortController().signal
    for (const stage of STAGES)
      if (options.stages?.includes(stage) !== false) this.stages.set(stage, new Map())
  }

  async warmUp(text: string): Promise<void> {
    for (const stage of this.#wanted()) await this.#ask(text, stage)
  }

  async askAll({ id, text }: EvalQuery): Promise<void> {
    for (const stage of this.#wanted()) {
      const answered = await this.#ask(text, stage)
      if (answered !== null) this.stages.get(stage)?.set(id, answered)
    }
    const k = this.#options.neighbours ?? 0
    if (k > 0 && this.#target.neighbours !== undefined)
      this.neighbours.set(id, await this.#target.neighbours(text, k, this.#signal))
    await this.#pace()
  }

  /** The whole request first: what it leaves in caches then makes no answer look quicker that users wait for. */
  #wanted(): Stage[] {
    return [...this.stages.keys()].reverse()
  }

  /** Null when the target has no such stage. */
  async #ask(query: string, stage: Stage): Promise<Answered | null> {
    this.#signal.throwIfAborted()
    const startedMs = performance.now()
    try {
      const question = { query, stage, depth: this.#options.depth }
      const answer = await this.#target.ask(question, this.#signal)
      this.#answers += 1
      return { ...answer, documents: await this.#documentsOf(answer.hits), failure: null }
    } catch (error) {
      this.#signal.throwIfAborted()
      if (!(error instanceof QuarryError)) throw error
      if (error.code === 'unsupported') return this.#leaveOut(stage, error.message)
      this.#failures += 1
      if (!error.retryable || (this.#answers === 0 && this.#failures >= FAILURES_MAX)) throw error
      return failed(`${error.code}: ${error.message}`, performance.now() - startedMs)
    }
  }

  /** A document stands where its best chunk stands, which is what a prompt would hold of it. */
  async #documentsOf(hits: readonly TargetHit[]): Promise<readonly Ranked[]> {
    const best = new Map<string, Ranked>()
    for (const hit of hits) {
      const { document: id, score } = hit
      if (best.has(id)) continue
      const tokens = await this.#tokensOf(hit)
      best.set(id, tokens === undefined ? { id, score } : { id, score, tokens })
    }
    return [...best.values()]
  }

  async #tokensOf({ chunk, text }: TargetHit): Promise<number | undefined> {
    const { countTokens } = this.#options
    if (countTokens === undefined) return undefined
    const tokens = this.#tokens.get(chunk) ?? countTokens(text)
    this.#tokens.set(chunk, tokens)
    await this.#pace()
    return tokens
  }

  #leaveOut(stage: Stage, reason: string): null {
    this.missing.set(stage, reason)
    this.stages.delete(stage)
    if (this.stages.size > 0) return null
    throw new QuarryError('unsupported', `the target has none of the stages asked for: ${reason}`)
  }
}

function failed(failure: string, latencyMs: number): Answered {
  return {
    hits: [],
    documents: [],
    degraded: [],
    latencyMs,
    timingsMs: {},
    cached: false,
    failure,
  }
}
