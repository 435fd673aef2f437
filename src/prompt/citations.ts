import { coveredSpan, type Passage } from './passages.ts'
import type { Citation, PinnedDocument } from './prompt.ts'

export function citePinned(kept: readonly PinnedDocument[]): Citation[] {
  return kept.map(({ id, title, span }, index) => ({
    n: index + 1,
    chunkIds: [],
    documentId: id,
    title,
    span,
    page: null,
    pinned: true,
  }))
}

/** Numbers go on after the `before` pinned documents. */
export function citePassages(passages: readonly Passage[], before: number): Citation[] {
  return passages.map((passage, index) => ({
    n: before + index + 1,
    chunkIds: passage.pieces.map(({ chunk }) => chunk),
    documentId: passage.documentId,
    title: passage.title,
    span: coveredSpan(passage.pieces),
    page: passage.pieces[0]?.page ?? null,
    pinned: false,
  }))
}
