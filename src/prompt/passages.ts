import type { Chunk, ChunkId, DocumentId, Span } from '../core/model.ts'
import type { Hit } from '../retrieve/request.ts'

/** Text of one chunk, or the head of it. */
export interface Piece {
  readonly chunk: ChunkId
  readonly ordinal: number
  readonly span: Span
  readonly text: string
  readonly headings: readonly string[]
  readonly page: number | null
  /** What follows in the document is missing. */
  readonly cut: boolean
}

/** Where a passage is from. */
export interface Source {
  readonly documentId: DocumentId
  readonly title: string | null
  /** Of its best hit, from 0. */
  readonly rank: number
}

/** What stands together in the prompt: pieces of one document without a hole, in the order of the document. */
export interface Passage extends Source {
  readonly pieces: readonly Piece[]
}

export function pieceOf(chunk: Chunk | Hit): Piece {
  const { id, ordinal, span, text, headings, page } = chunk
  return { chunk: id, ordinal, span, text, headings, page, cut: false }
}

/** Passages that pieces of a document were added to: those that touch became one. */
export interface Joined {
  readonly passages: readonly Passage[]
  /** Which of the former are not there any more, and which are new. */
  readonly gone: readonly Passage[]
  readonly come: readonly Passage[]
}

export function addPieces(
  passages: readonly Passage[],
  from: Source,
  pieces: readonly Piece[],
): Joined {
  // As most are, and nothing has to be compared then.
  const alone = !passages.some(({ documentId }) => documentId === from.documentId)
  if (alone && pieces.length === 1) {
    const passage = { pieces, ...from }
    return { passages: [...passages, passage], gone: [], come: [passage] }
  }
  let kept = passages
  let come: readonly Passage[] = []
  const gone: Passage[] = []
  for (const piece of pieces) {
    const passage = { pieces: [piece], ...from }
    const touching = kept.filter((other) => touches(other, passage))
    if (touching.length > 0) kept = kept.filter((other) => !touching.includes(other))
    gone.push(...touching)
    const mine = come.filter((other) => touches(other, passage))
    const apart = come.filter((other) => !mine.includes(other))
    come = [...apart, [...touching, ...mine].reduce(merge, passage)]
  }
  return { passages: [...kept, ...come], gone, come }
}

function touches(a: Passage, b: Passage): boolean {
  if (a.documentId !== b.documentId) return false
  return a.pieces.some((one) => b.pieces.some((other) => areNeighbours(one, other)))
}

function areNeighbours(a: Piece, b: Piece): boolean {
  const overlap = a.span.start < b.span.end && b.span.start < a.span.end
  const [first, second] = a.ordinal < b.ordinal ? [a, b] : [b, a]
  return overlap || a.chunk === b.chunk || (second.ordinal - first.ordinal === 1 && !first.cut)
}

/** The head of a piece. */
export function cutPiece(piece: Piece, length: number): Piece {
  const { start } = piece.span
  const text = piece.text.slice(0, length)
  return { ...piece, text, span: { start, end: start + length }, cut: true }
}

function merge(a: Passage, b: Passage): Passage {
  const best = a.rank <= b.rank ? a : b
  const pieces = new Map([...b.pieces, ...a.pieces].map((piece) => [piece.chunk, piece]))
  return { ...best, pieces: [...pieces.values()].sort(byPlace) }
}

function byPlace(a: Piece, b: Piece): number {
  return a.span.start - b.span.start || a.span.end - b.span.end
}

type Located = Pick<Piece, 'span' | 'text'>

/**
 * Names the text that joinPieces makes of these, among all of a tenant: a chunk's id follows from its content, and its
 * length tells a head from the whole.
 */
export function textKey(pieces: readonly (Located & Pick<Piece, 'chunk'>)[]): string {
  const start = pieces[0]?.span.start ?? 0
  return pieces
    .map(({ chunk, span, text }) => `${chunk}@${span.start - start}+${text.length}`)
    .join()
}

/**
 * The document's text from the first piece to the last, given in their order: overlaps once, and for the white space
 * between two a line break, or two where it was longer than one character.
 */
export function joinPieces(pieces: readonly Located[]): string {
  let text = ''
  let end = pieces[0]?.span.start ?? 0
  for (const { span, text: piece } of pieces) {
    const gap = span.start - end
    if (gap > 0) text += gap === 1 ? '\n' : '\n\n'
    if (span.end > end) text += piece.slice(Math.max(0, -gap))
    end = Math.max(end, span.end)
  }
  return text
}

/** From the first start to the last end; `pieces` is not empty. */
export function coveredSpan(pieces: readonly Pick<Piece, 'span'>[]): Span {
  const starts = pieces.map(({ span }) => span.start)
  const ends = pieces.map(({ span }) => span.end)
  return { start: Math.min(...starts), end: Math.max(...ends) }
}
