import type { Worker } from 'node:worker_threads'
import type { Evaluation } from '../../eval/evaluate.ts'
import type { EvalResult, QueryResult } from '../../eval/result/schema.ts'
import { QuarryError } from '../core/errors.ts'
import { startThread } from '../core/spawnable.ts'
import type { ScoreTask, ScoringAnswer, ScoringTask } from './scoring-thread.ts'

/** Keeps answers and scores them on a thread of its own: resampling takes seconds that callers would wait for. */
export interface Scorer {
  /** The texts of the answers stay behind. */
  add(evaluation: Evaluation): void
  /** Rejects with the signal's reason at its abort. */
  score(task: Omit<ScoreTask, 'kind'>, signal: AbortSignal): Promise<EvalResult>
  close(): Promise<void>
}

export function openScorer(): Scorer {
  const worker = startThread(new URL('./scoring-thread.ts', import.meta.url))
  // Before anybody waits for it, a failure of the thread would otherwise end the process.
  let failure: unknown = null
  worker.on('error', (error) => {
    failure = error
  })
  const send = (task: ScoringTask): void => worker.postMessage(task)
  return {
    add({ dataset, stages }) {
      const answers = [...stages].map(
        ([stage, answered]) =>
          [
            stage,
            new Map([...answered].map(([query, each]) => [query, { ...each, hits: [] }])),
          ] as const,
      )
      const { queries, qrels } = dataset
      send({ kind: 'answers', queries, qrels, stages: new Map(answers) })
    },
    async score(task, signal) {
      if (failure !== null) throw failure
      const scored = collect(worker, signal)
      send({ kind: 'score', ...task })
      return scored
    },
    close: async () => {
      await worker.terminate()
    },
  }
}

function collect(worker: Worker, signal: AbortSignal): Promise<EvalResult> {
  const queries: QueryResult[] = []
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason)
    const settle = (answer: ScoringAnswer): void => {
      if (answer.kind === 'queries') queries.push(...answer.queries)
      else if (answer.kind === 'scored') resolve({ ...answer.summary, queries })
      else reject(new QuarryError(answer.error.code, answer.error.message, answer.error))
      if (answer.kind !== 'queries') signal.removeEventListener('abort', stop)
    }
    worker.on('message', settle)
    worker.on('error', reject)
    worker.on('exit', () =>
      reject(new QuarryError('unavailable', 'the thread that scores evals has ended')),
    )
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
  })
}
