import type { Chunk, ChunkId } from '../core/model.ts'
import type { FusedCandidate } from './fuse.ts'
import { groups } from './group.ts'
import { diversify } from './mmr.ts'
import { nearDuplicates } from './near-duplicates.ts'
import type { RetrieveRequest } from './request.ts'

export interface Selected {
  readonly candidate: FusedCandidate
  readonly chunk: Chunk
}

/** Items that MMR reorders, or `top_k` if that is more; what ranks below them follows in its own order. */
export const MMR_POOL = 100

/**
 * The `top_k` of the ranking whose chunks are at hand: diversified, then taken from the top while their group has
 * room and no hit before nearly says the same.
 */
export function select(
  ranked: readonly FusedCandidate[],
  chunks: ReadonlyMap<ChunkId, Chunk>,
  { topK, mmr, dedupe, groupBy }: RetrieveRequest,
): Selected[] {
  const readable = readableOf(ranked, chunks)
  const ordered = mmr === undefined ? readable : diversified(readable, topK, mmr.lambda)
  const seen = dedupe ? nearDuplicates() : undefined
  const grouped = groupBy && groups(groupBy.field, groupBy.size)
  const hits: Selected[] = []
  for (const item of ordered) {
    if (hits.length === topK) break
    if (grouped?.hasRoom(item.chunk) === false) continue
    if (seen?.keepIfNew(item.chunk.text) === false) continue
    grouped?.add(item.chunk)
    hits.push(item)
  }
  return hits
}

function readableOf(
  ranked: readonly FusedCandidate[],
  chunks: ReadonlyMap<ChunkId, Chunk>,
): Selected[] {
  const readable: Selected[] = []
  for (const candidate of ranked) {
    const chunk = chunks.get(candidate.id)
    if (chunk !== undefined) readable.push({ candidate, chunk })
  }
  return readable
}

/**
 * Scores of a reranker and of fusion can't be compared, so where both occur the pool is what was reranked; the rest
 * keeps its order behind it.
 */
function* diversified(
  items: readonly Selected[],
  topK: number,
  lambda: number,
): Generator<Selected, void> {
  const reranked = items.filter(({ candidate }) => candidate.rerank !== null)
  const pool = (reranked.length > 0 ? reranked : items).slice(0, Math.max(MMR_POOL, topK))
  const diversifiable = pool.map(({ candidate, chunk }) => ({
    text: chunk.text,
    score: candidate.rerank?.score ?? candidate.score,
  }))
  for (const at of diversify(diversifiable, lambda)) {
    const item = pool[at]
    if (item !== undefined) yield item
  }
  const inPool = new Set(pool)
  for (const item of items) if (!inPool.has(item)) yield item
}
