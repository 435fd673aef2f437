import type { Candidate, ChunkId } from '../../src/core/model.ts'
import { fuse } from '../../src/retrieve/fuse.ts'
import type { Answered, Evaluation } from '../evaluate.ts'
import type { Metric } from '../metrics/metric.ts'
import type { TargetHit } from '../target.ts'
import type { EvalQuery, Ranked } from '../types.ts'
import type { FusionChoice } from './fusion-grid.ts'

/** What one query is worth under a fusion, from the candidates that its legs once answered: nothing is searched again. */
export function scoreFusion(
  { dataset, stages }: Evaluation,
  { id }: EvalQuery,
  { fusion, candidates }: FusionChoice,
  metric: Metric,
): number {
  const legs = { dense: stages.get('dense')?.get(id), lexical: stages.get('lexical')?.get(id) }
  const lists = {
    dense: listOf(legs.dense, candidates),
    lexical: listOf(legs.lexical, candidates),
    depth: candidates,
  }
  const documents = new Map(
    [...(legs.dense?.hits ?? []), ...(legs.lexical?.hits ?? [])].map((hit) => [
      hit.chunk,
      hit.document,
    ]),
  )
  const best = new Map<string, Ranked>()
  for (const { id: chunk, score } of fuse(lists, fusion)) {
    const document = documents.get(chunk) ?? chunk
    // A leg of no weight still names its candidates; the service would not show them first, and neither is 0 a find.
    if (score > 0 && !best.has(document)) best.set(document, { id: document, score })
  }
  return metric.score([...best.values()], dataset.qrels.get(id) ?? new Map())
}

function listOf(answered: Answered | undefined, candidates: number): Candidate[] | null {
  if (answered === undefined || answered.failure !== null) return null
  return answered.hits.slice(0, candidates).map(candidateOf)
}

function candidateOf({ chunk, score }: TargetHit): Candidate {
  return { id: chunk as ChunkId, score }
}
