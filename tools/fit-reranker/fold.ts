import type { Features } from '../../adapters/rerankers/lexical/features.ts'
import { scoreOf, type Weights } from '../../adapters/rerankers/lexical/model.ts'
import { type Evidence, relevanceOf } from '../../adapters/rerankers/lexical/relevance.ts'
import { evidenceOf, type Fitted } from '../../adapters/rerankers/lexical/rerank.ts'
import { fitListwise, fitLogistic, type Judged, type Listwise } from './fit.ts'
import type { Head, SetHeads } from './heads.ts'
import type { Prediction } from './scores.ts'

export interface Names {
  readonly features: readonly (keyof Features)[]
  readonly evidence: readonly (keyof Evidence)[]
}

/** How far down the ranking relevance is looked at: what a request asks for by default. */
const SHOWN = 10

/** Every family counts alike, and in it every set and every query. */
function weightsOf(sets: readonly SetHeads[]): (set: SetHeads) => number {
  const families = new Map<string, number>()
  for (const { set } of sets) families.set(set.family, (families.get(set.family) ?? 0) + 1)
  return ({ set }) => 1 / families.size / (families.get(set.family) ?? 1)
}

export function fitModel(sets: readonly SetHeads[], names: Names): Fitted {
  const weightOf = weightsOf(sets)
  const lists = sets.flatMap((set) =>
    set.bySetup.flatMap((heads) => listsOf(heads, weightOf(set) / set.bySetup.length, names)),
  )
  const fitted = fitListwise(lists, names.features.length)
  const weights = Object.fromEntries(names.features.map((name, j) => [name, round(fitted[j] ?? 0)]))
  const judged = sets.flatMap((set) =>
    set.bySetup.flatMap((heads, setup) => {
      const asked = [...heads, ...(set.unanswerable[setup] ?? [])]
      const weight = weightOf(set) / set.bySetup.length / asked.length / SHOWN
      return asked.flatMap((head) => judgedOf(head, weights, weight, names))
    }),
  )
  const odds = fitLogistic(judged, names.evidence.length + 1)
  const slopes = names.evidence.map((name, j) => [name, round(odds[j] ?? 0)])
  const bias = round(odds[names.evidence.length] ?? 0)
  return { weights, relevance: { ...Object.fromEntries(slopes), bias } }
}

function listsOf(heads: readonly Head[], weight: number, { features: names }: Names): Listwise[] {
  const usable = heads.filter(
    ({ grades }) => grades.some((grade) => grade > 0) && grades.length > 1,
  )
  return usable.map(({ features, grades }) => {
    const total = grades.reduce((sum, grade) => sum + grade, 0)
    return {
      rows: features.map((each) => Float64Array.from(names, (name) => each[name])),
      targets: grades.map((grade) => grade / total),
      weight: weight / usable.length,
    }
  })
}

function judgedOf(head: Head, weights: Weights, weight: number, names: Names): Judged[] {
  return shown(head, weights).map(({ evidence, relevant }) => {
    const row = Float64Array.from([...names.evidence.map((name) => evidence[name]), 1])
    return { row, relevant, weight }
  })
}

/** What a request shows of one query, best first. */
function shown({ measured, features, grades }: Head, weights: Weights) {
  const scores = features.map((each) => scoreOf(each, weights))
  const evidence = evidenceOf(measured, scores)
  return byScore(scores)
    .slice(0, SHOWN)
    .map((place) => ({
      evidence: evidence[place] as Evidence,
      relevant: (grades[place] ?? 0) > 0,
    }))
}

/** Places of the fused order, best first. */
export function ranked({ features }: Head, weights: Weights): number[] {
  return byScore(features.map((each) => scoreOf(each, weights)))
}

function byScore(scores: readonly number[]): number[] {
  return scores
    .map((_, place) => place)
    .sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b)
}

/** Of what is shown of one query, best first. */
export function predictionsOf(head: Head, { weights, relevance }: Fitted): Prediction[] {
  return shown(head, weights).map(({ evidence, relevant }) => ({
    relevance: relevanceOf(evidence, relevance),
    relevant,
  }))
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
