import {
  type ChunkingScores,
  evaluateChunking,
  type RankChunks,
} from '../chunking/evaluate-chunking.ts'
import type { SpanSet } from '../chunking/read-span-set.ts'
import type { PlacedChunk } from '../chunking/span-scores.ts'
import type { Stage, Target } from '../target.ts'
import type { Dataset, EvalDocument } from '../types.ts'

export interface Chunking {
  readonly tokensMax: number
  readonly overlapTokens: number
}

/** A passage with what is searched beside its text. */
export interface CutChunk extends PlacedChunk {
  readonly context: string
  readonly text: string
}

export interface ChunkerSources {
  /** Cuts documents as ingestion does. */
  readonly cut: (
    documents: readonly EvalDocument[],
    chunking: Chunking,
  ) => Promise<readonly CutChunk[]>
  /** Indexes a set whose documents are the chunks. */
  readonly open: (chunks: Dataset) => Promise<{ readonly target: Target; close(): Promise<void> }>
  readonly signal: AbortSignal
}

/** Cuts a set of long documents, retrieves by one stage, and scores what was retrieved to the character. */
export async function scoreChunker(
  { documents, questions }: SpanSet,
  chunking: Chunking,
  stage: Stage,
  n: number,
  { cut, open, signal }: ChunkerSources,
): Promise<ChunkingScores> {
  const chunks = await cut(documents, chunking)
  const { target, close } = await open(asDataset(chunks))
  const rank: RankChunks = async (query, depth) => {
    const { hits } = await target.ask({ query, stage, depth }, signal)
    return hits.map(({ document }) => document)
  }
  try {
    return await evaluateChunking(chunks, questions, rank, { n, signal })
  } finally {
    await close()
  }
}

/** Each chunk a document of its own, its context where a title would be. */
function asDataset(chunks: readonly CutChunk[]): Dataset {
  return {
    name: 'chunks',
    queries: [],
    qrels: new Map(),
    corpus: async function* () {
      for (const { id, context, text } of chunks) yield { id, title: context, text }
    },
  }
}
