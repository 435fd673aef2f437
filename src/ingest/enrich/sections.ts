import { createHash } from 'node:crypto'
import type { ChunkDraft } from '../document.ts'

/** Chunks that follow each other, and the text that they make together. */
export interface Section {
  readonly text: string
  readonly hash: string
  readonly chunks: readonly ChunkDraft[]
}

/**
 * The document in parts that a generator can be shown whole: one part, unless it is longer than `tokensMax`. Every
 * chunk of a part is shown with the same text, so that providers can cache it, and an edit changes its own part only.
 */
export function sectionsOf(chunks: readonly ChunkDraft[], tokensMax: number): Section[] {
  const sections: Section[] = []
  let open: ChunkDraft[] = []
  let tokens = 0
  for (const chunk of chunks) {
    if (open.length > 0 && tokens + chunk.tokens > tokensMax) {
      sections.push(sectionOf(open))
      open = []
      tokens = 0
    }
    open.push(chunk)
    tokens += chunk.tokens
  }
  if (open.length > 0) sections.push(sectionOf(open))
  return sections
}

function sectionOf(chunks: readonly ChunkDraft[]): Section {
  const text = joined(chunks)
  return { text, hash: createHash('sha256').update(text).digest('hex'), chunks }
}

/** What no chunk covers is white space; what two of them cover stands once. */
function joined(chunks: readonly ChunkDraft[]): string {
  const parts: string[] = []
  let end: number | null = null
  for (const { span, text } of chunks) {
    if (end !== null && span.start > end) parts.push('\n\n')
    parts.push(end === null ? text : text.slice(Math.max(0, end - span.start)))
    end = Math.max(end ?? 0, span.end)
  }
  return parts.join('')
}
