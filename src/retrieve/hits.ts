import type { Chunk, ChunkId } from '../core/model.ts'
import type { FusedCandidate } from './fuse.ts'
import type { Hit } from './request.ts'
import type { Reordered } from './rerank.ts'
import type { Run } from './run.ts'
import { MMR_POOL, type Selected, select } from './select.ts'
import { runStage } from './stage.ts'

/** The chunks read so far; candidates that turned out to have none are known too, and not asked for again. */
export class ChunkShelf {
  readonly #run: Run
  readonly #chunks = new Map<ChunkId, Chunk>()
  readonly #asked = new Set<ChunkId>()

  constructor(run: Run) {
    this.#run = run
  }

  get chunks(): ReadonlyMap<ChunkId, Chunk> {
    return this.#chunks
  }

  /** Without text there is no answer, so a failure of the first read surfaces; later ones cost hits only. */
  async read(candidates: readonly FusedCandidate[]): Promise<boolean> {
    const ids = candidates.map(({ id }) => id).filter((id) => !this.#asked.has(id))
    if (ids.length === 0) return true
    const { plan, budget, trace, deps } = this.#run
    const reading = budget.child({ reserveMs: plan.reserveMs.afterRead })
    const work = (signal: AbortSignal) => plan.chunks.readChunks(plan.scope, ids, signal)
    const result =
      this.#chunks.size === 0
        ? { ok: true as const, value: await trace.time('read', () => reading.run(work)) }
        : await runStage('read', this.#run, reading, work)
    if (!result.ok) return false
    let unreadable = 0
    for (const id of ids) {
      this.#asked.add(id)
      const chunk = result.value.get(id)
      if (chunk === undefined) unreadable += 1
      else this.#chunks.set(id, chunk)
    }
    if (unreadable > 0) deps.onUnreadable?.(plan.scope, unreadable)
    return true
  }
}

/** Takes `top_k` hits from the ranking, reading further down it as long as places stay empty. */
export async function selectHits(
  run: Run,
  { ranked, scored }: Reordered,
  shelf: ChunkShelf,
): Promise<Hit[]> {
  const { request } = run
  const eligible = scored ? relevantEnough(ranked, request.minRelevance) : ranked
  for (let window = firstWindow(run); ; window *= 2) {
    const within = eligible.slice(0, window)
    const read = await shelf.read(within)
    const selected = select(within, shelf.chunks, request)
    const full = selected.length === request.topK
    if (full || !read || window >= eligible.length)
      return selected.map((item) => toHit(item, request.explain))
  }
}

function relevantEnough(
  ranked: readonly FusedCandidate[],
  minRelevance: number | undefined,
): readonly FusedCandidate[] {
  if (minRelevance === undefined) return ranked
  return ranked.filter(({ rerank }) => (rerank?.relevance ?? -1) >= minRelevance)
}

/** Duplicates and full groups are few as a rule, so twice `top_k` is mostly enough; MMR needs its whole pool. */
function firstWindow({ request }: Run): number {
  if (request.mmr !== undefined) return Math.max(MMR_POOL, request.topK)
  return request.dedupe || request.groupBy !== undefined ? request.topK * 2 : request.topK
}

function toHit({ candidate, chunk }: Selected, explain: boolean): Hit {
  const { rerank, rewrite, dense, lexical, score } = candidate
  const reranked = rerank && { score: rerank.score, rank: rerank.rank }
  return {
    id: chunk.id,
    documentId: chunk.documentId,
    text: chunk.text,
    title: chunk.title,
    headings: chunk.headings,
    page: chunk.page,
    ordinal: chunk.ordinal,
    span: chunk.span,
    score,
    relevance: rerank?.relevance ?? null,
    metadata: chunk.metadata,
    before: [],
    after: [],
    explain: explain ? { dense, lexical, rewrite, rerank: reranked } : null,
  }
}
