import type { Span } from '../../src/core/model.ts'
import { intersection, lengthOf, union } from './spans.ts'

/** A passage as its place in a document. */
export interface PlacedChunk extends Span {
  readonly id: string
  readonly document: string
}

/** What answers a question, to the character. */
export interface Evidence {
  readonly document: string
  readonly spans: readonly Span[]
}

/** Shares of characters, from Chroma's report "Evaluating Chunking Strategies for Retrieval" (Smith and Troynikov 2024). */
export interface SpanScores {
  /** Of the evidence, how much was retrieved. */
  readonly recall: number
  /** Of what was retrieved, how much is evidence; what is retrieved twice by overlap counts twice. */
  readonly precision: number
  /** Evidence that was retrieved, over all that was retrieved and the evidence that was not. */
  readonly iou: number
  /** The precision if exactly the chunks with evidence were retrieved: what the chunks allow, whoever ranks them. */
  readonly precisionOmega: number
}

/**
 * Scores one question's retrieval.
 * @param retrieved from any document; what is of another one than the evidence costs precision
 * @param all every chunk of the evidence's document at least
 */
export function scoreSpans(
  retrieved: readonly PlacedChunk[],
  evidence: Evidence,
  all: readonly PlacedChunk[],
): SpanScores {
  const wanted = union(evidence.spans)
  const found = lengthOf(intersection(wanted, union(inDocument(retrieved, evidence))))
  const shown = lengthOf(retrieved)
  return {
    recall: found / lengthOf(wanted),
    precision: shown === 0 ? 0 : found / shown,
    iou: found / (shown + lengthOf(wanted) - found),
    precisionOmega: precisionOmega(wanted, inDocument(all, evidence)),
  }
}

/** Chroma's code also takes a chunk that merely touches evidence; here it has to hold a character of it. */
function precisionOmega(wanted: readonly Span[], chunks: readonly PlacedChunk[]): number {
  const holding = union(
    chunks.filter(({ start, end }) => wanted.some((span) => span.start < end && start < span.end)),
  )
  const held = lengthOf(intersection(wanted, holding))
  return held === 0 ? 0 : held / (lengthOf(holding) + lengthOf(wanted) - held)
}

function inDocument(
  chunks: readonly PlacedChunk[],
  { document }: Evidence,
): readonly PlacedChunk[] {
  return chunks.filter((chunk) => chunk.document === document)
}
