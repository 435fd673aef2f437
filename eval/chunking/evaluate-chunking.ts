import { QuarryError } from '../../src/core/errors.ts'
import { createPace } from '../../src/core/pace.ts'
import type { EvalQuery } from '../types.ts'
import { type Evidence, type PlacedChunk, type SpanScores, scoreSpans } from './span-scores.ts'

export interface SpanQuestion extends EvalQuery {
  readonly evidence: Evidence
}

/** Ids of the `n` chunks that answer a query best, best first, over all documents. */
export type RankChunks = (
  query: string,
  n: number,
  signal: AbortSignal,
) => Promise<readonly string[]>

export interface ChunkingScores {
  readonly n: number
  readonly chunks: number
  /** Mean length of a chunk in characters. */
  readonly chunkChars: number
  readonly questions: ReadonlyMap<string, SpanScores>
  readonly means: SpanScores
}

/** As in Chroma's report. */
const N = 5

/**
 * How well a chunker's passages answer questions whose evidence is known to the character.
 * @param chunks of every document that can be retrieved, with spans in the text that the evidence is told in
 * @throws QuarryError `invalid_request` without questions or chunks; `internal` when the ranking names an unknown chunk
 */
export async function evaluateChunking(
  chunks: readonly PlacedChunk[],
  questions: readonly SpanQuestion[],
  rank: RankChunks,
  options: { readonly n?: number; readonly signal?: AbortSignal } = {},
): Promise<ChunkingScores> {
  if (chunks.length === 0 || questions.length === 0)
    throw new QuarryError(
      'invalid_request',
      `chunking is measured by questions over chunks; there are ${questions.length} and ${chunks.length}`,
    )
  const { n = N, signal = new AbortController().signal } = options
  const byId = new Map(chunks.map((chunk) => [chunk.id, chunk]))
  const pace = createPace()
  const scores = new Map<string, SpanScores>()
  for (const { id, text, evidence } of questions) {
    signal.throwIfAborted()
    const ids = await rank(text, n, signal)
    const retrieved = ids.slice(0, n).map((chunk) => chunkOf(byId, chunk))
    scores.set(id, scoreSpans(retrieved, evidence, chunks))
    await pace()
  }
  const chars = chunks.reduce((sum, { start, end }) => sum + end - start, 0)
  return {
    n,
    chunks: chunks.length,
    chunkChars: chars / chunks.length,
    questions: scores,
    means: meansOf([...scores.values()]),
  }
}

function chunkOf(chunks: ReadonlyMap<string, PlacedChunk>, id: string): PlacedChunk {
  const chunk = chunks.get(id)
  if (chunk !== undefined) return chunk
  throw new QuarryError('internal', `the ranking names chunk ${id}, which was not given`)
}

function meansOf(scores: readonly SpanScores[]): SpanScores {
  const mean = (of: keyof SpanScores): number =>
    scores.reduce((sum, each) => sum + each[of], 0) / scores.length
  return {
    recall: mean('recall'),
    precision: mean('precision'),
    iou: mean('iou'),
    precisionOmega: mean('precisionOmega'),
  }
}
