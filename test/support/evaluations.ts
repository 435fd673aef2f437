import { type EvaluateOptions, type Evaluation, evaluate } from '../../eval/evaluate.ts'
import { buildResult } from '../../eval/result/build-result.ts'
import type { EvalResult } from '../../eval/result/schema.ts'
import type { Question, Stage, Target, TargetAnswer, TargetHit } from '../../eval/target.ts'
import type { Dataset } from '../../eval/types.ts'

/** Queries by id with what is relevant: `{ q1: 'a b' }` asks "text of q1", for which a and b are relevant. */
export function datasetOf(relevant: Readonly<Record<string, string>>): Dataset {
  const ids = Object.keys(relevant)
  return {
    name: 'tiny',
    queries: ids.map((id) => ({ id, text: `text of ${id}` })),
    qrels: new Map(
      Object.entries(relevant).map(([id, documents]) => [
        id,
        new Map(documents.split(' ').map((document) => [document, 1])),
      ]),
    ),
    corpus: async function* () {
      for (const id of 'abcdefgh') yield { id, title: `Title ${id}`, text: `Passage ${id}.` }
    },
  }
}

/** A chunk for each letter; a document's second chunk is written with a digit, as `a2`. */
function hitsOf(ids: string): TargetHit[] {
  return ids
    .split(' ')
    .filter((id) => id !== '')
    .map((chunk, at) => ({
      chunk,
      document: chunk.slice(0, 1),
      score: 10 - at,
      title: null,
      text: `Passage ${chunk}.`,
    }))
}

export function answerOf(ids: string, changes: Partial<TargetAnswer> = {}): TargetAnswer {
  return {
    hits: hitsOf(ids),
    degraded: [],
    latencyMs: 1,
    timingsMs: { total: 1 },
    cached: false,
    ...changes,
  }
}

type Answers = Readonly<Record<Stage, (query: string) => string | TargetAnswer>>

/** Answers what is written for each stage, by the text of the query. */
export function targetOf(answers: Partial<Answers>, changes: Partial<Target> = {}): Target {
  return {
    about: { kind: 'collection', name: 'a collection', settings: { some: 'policy' } },
    ask: async ({ query, stage }: Question) => {
      const given = answers[stage]?.(query) ?? ''
      return typeof given === 'string' ? answerOf(given) : given
    },
    ...changes,
  }
}

export function evaluated(
  dataset: Dataset,
  target: Target,
  options: Partial<EvaluateOptions> = {},
): Promise<Evaluation> {
  return evaluate(dataset, target, { depth: 10, ...options })
}

export function resultOf(evaluation: Evaluation, k = 2): Promise<EvalResult> {
  return buildResult(evaluation, {
    name: 'a name',
    quarryVersion: '1.2.3',
    createdAt: new Date('2026-01-02T03:04:05Z'),
    k,
    metrics: ['ndcg@10', 'recall@2'],
  })
}
