import type { Features, Measured } from '../../adapters/rerankers/lexical/features.ts'
import { scoreOf, type Weights } from '../../adapters/rerankers/lexical/model.ts'
import { fitListwise, fitLogistic, type Judged, type Listwise } from './fit.ts'
import type { Head, SetHeads } from './heads.ts'
import { type Evidence, type Relevance, relevanceOf } from './relevance.ts'
import type { Prediction } from './scores.ts'

export interface Model {
  readonly weights: Weights
  readonly relevance: Relevance
}

export interface Names {
  readonly features: readonly (keyof Features)[]
  readonly evidence: readonly Evidence[]
}

/** How far down the ranking relevance is looked at: what a request asks for by default. */
const SHOWN = 10

/** Every family counts alike, and in it every set and every query. */
function weightsOf(sets: readonly SetHeads[]): (set: SetHeads) => number {
  const families = new Map<string, number>()
  for (const { set } of sets) families.set(set.family, (families.get(set.family) ?? 0) + 1)
  return ({ set }) => 1 / families.size / (families.get(set.family) ?? 1)
}

export function fitModel(sets: readonly SetHeads[], names: Names): Model {
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
  return ranked(head, weights)
    .slice(0, SHOWN)
    .map((place) => {
      const { measures, interaction } = head.measured[place] as Measured
      const values = { ...measures, interaction }
      const row = Float64Array.from([...names.evidence.map((name) => values[name]), 1])
      return { row, relevant: (head.grades[place] ?? 0) > 0, weight }
    })
}

/** Places of the fused order, best first. */
export function ranked({ features }: Head, weights: Weights): number[] {
  const scores = features.map((each) => scoreOf(each, weights))
  return scores
    .map((_, place) => place)
    .sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b)
}

/** Of what is shown of one query, best first. */
export function predictionsOf(head: Head, { weights, relevance }: Model): Prediction[] {
  return ranked(head, weights)
    .slice(0, SHOWN)
    .map((place) => ({
      relevance: relevanceOf(head.measured[place] as Measured, relevance),
      relevant: (head.grades[place] ?? 0) > 0,
    }))
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
