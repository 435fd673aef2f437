import type { Evaluation, StageAnswers } from './evaluate.ts'
import type { Stage } from './target.ts'

/**
 * What became of a relevant document, judged by whether it stands in the top k:
 * - `kept`: in the final answer;
 * - `search`: no leg proposed it, so nothing after could have shown it;
 * - `ranking`: a leg proposed it below its top k, and nothing after lifted it;
 * - `fusion`: in a leg's top k, not in that of the fused list;
 * - `rerank`: in the fused top k, not in the final answer's.
 */
export const FATES = ['kept', 'search', 'ranking', 'fusion', 'rerank'] as const
export type Fate = (typeof FATES)[number]

export interface LostDocument {
  readonly document: string
  readonly grade: number
  readonly fate: Exclude<Fate, 'kept'>
}

export interface Losses {
  readonly k: number
  /** Relevant documents of the queries that every stage answered. */
  readonly counts: Readonly<Record<Fate, number>>
  /** Documents in the final top k that no leg had in its own, by the stage that brought them there. */
  readonly lifted: { readonly fusion: number; readonly rerank: number }
  /** Mean over queries: the share of relevant documents among the candidates of both legs together. */
  readonly candidateRecall: number
  /** By query, of those that every stage answered in full. */
  readonly lost: ReadonlyMap<string, readonly LostDocument[]>
}

/** Finds for each relevant document the stage that lost it. Null when a stage is missing or no query was answered by all. */
export function attributeLosses(evaluation: Evaluation, k: number): Losses | null {
  const stages = stagesOf(evaluation)
  if (stages === null) return null
  const queries = evaluation.dataset.queries.flatMap(({ id }) => {
    const places = placesFor(id, stages)
    const found = places === null ? [] : relevantIn(places, evaluation, id, k)
    return found.length === 0 ? [] : [{ id, found }]
  })
  if (queries.length === 0) return null
  const all = queries.flatMap(({ found }) => found)
  const liftedBy = (stage: 'fusion' | 'rerank'): number =>
    all.filter((each) => each.liftedBy === stage).length
  const recalls = queries.map(
    ({ found }) => found.filter(({ proposed }) => proposed).length / found.length,
  )
  return {
    k,
    counts: countFates(all),
    lifted: { fusion: liftedBy('fusion'), rerank: liftedBy('rerank') },
    candidateRecall: recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length,
    lost: new Map(queries.map(({ id, found }) => [id, found.flatMap(lostOf)])),
  }
}

function countFates(all: readonly Relevant[]): Record<Fate, number> {
  const counts: Record<Fate, number> = { kept: 0, search: 0, ranking: 0, fusion: 0, rerank: 0 }
  for (const { fate } of all) counts[fate] += 1
  return counts
}

function lostOf({ document, grade, fate }: Relevant): readonly LostDocument[] {
  return fate === 'kept' ? [] : [{ document, grade, fate }]
}

interface Relevant {
  readonly document: string
  readonly grade: number
  readonly fate: Fate
  readonly proposed: boolean
  readonly liftedBy: 'fusion' | 'rerank' | null
}

function relevantIn(
  places: Places,
  { dataset }: Evaluation,
  query: string,
  k: number,
): readonly Relevant[] {
  const relevant = [...(dataset.qrels.get(query) ?? [])].filter(([, grade]) => grade > 0)
  return relevant.map(([document, grade]) => {
    const found = findIn(places, document, k)
    const bringer = found.fused ? 'fusion' : 'rerank'
    return {
      document,
      grade,
      fate: fateOf(found),
      proposed: found.proposed,
      liftedBy: found.final && !found.leg ? bringer : null,
    }
  })
}

type Places = Readonly<Record<Stage, ReadonlyMap<string, number>>>

interface FoundIn {
  readonly proposed: boolean
  readonly leg: boolean
  readonly fused: boolean
  readonly final: boolean
}

function findIn(places: Places, document: string, k: number): FoundIn {
  const at = (stage: Stage): number => places[stage].get(document) ?? Number.POSITIVE_INFINITY
  const best = Math.min(at('dense'), at('lexical'))
  return {
    proposed: Number.isFinite(best),
    leg: best <= k,
    fused: at('fused') <= k,
    final: at('reranked') <= k,
  }
}

function fateOf({ proposed, leg, fused, final }: FoundIn): Fate {
  if (final) return 'kept'
  if (fused) return 'rerank'
  if (leg) return 'fusion'
  return proposed ? 'ranking' : 'search'
}

/** A leg that the index lacks lost nothing: it stands here as one that proposed nothing. */
function stagesOf({ stages }: Evaluation): Readonly<Record<Stage, StageAnswers | null>> | null {
  const fused = stages.get('fused')
  const reranked = stages.get('reranked')
  const [dense, lexical] = [stages.get('dense') ?? null, stages.get('lexical') ?? null]
  if (fused === undefined || reranked === undefined || (dense === null && lexical === null))
    return null
  return { dense, lexical, fused, reranked }
}

/** Null when a stage gave this query no whole answer: what it lost then is no fault of the ranking. */
function placesFor(
  query: string,
  stages: Readonly<Record<Stage, StageAnswers | null>>,
): Places | null {
  const places = { dense: NOWHERE, lexical: NOWHERE, fused: NOWHERE, reranked: NOWHERE }
  for (const stage of Object.keys(places) as Stage[]) {
    if (stages[stage] === null) continue
    const answered = stages[stage].get(query)
    if (answered === undefined || answered.failure !== null || answered.degraded.length > 0)
      return null
    places[stage] = new Map(answered.documents.map(({ id }, at) => [id, at + 1]))
  }
  return places
}

const NOWHERE: ReadonlyMap<string, number> = new Map()
