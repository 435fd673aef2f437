import type { Metadata, Span } from '../core/model.ts'

export const MEDIA_TYPES = [
  'text/plain',
  'text/markdown',
  'text/html',
  'application/json',
  'application/jsonl',
  'application/pdf',
] as const
export type MediaType = (typeof MEDIA_TYPES)[number]

/** What a parser makes of a document: one text, and where its parts lie in it. */
export interface ParsedDocument {
  readonly text: string
  readonly title: string | null
  /** In order, not overlapping; what no block covers is white space. */
  readonly blocks: readonly Block[]
  /** Found in the document itself (front matter, PDF info, HTML meta); the caller's metadata wins over it. */
  readonly metadata: Metadata
}

export interface Block extends Span {
  readonly kind: 'heading' | 'paragraph' | 'list' | 'table' | 'code' | 'quote'
  /** Of a heading, 1 to 6. */
  readonly level?: number | undefined
  /** Of code, where the document says. */
  readonly language?: string | undefined
  /** Of a PDF, from 1. */
  readonly page?: number | undefined
}

export interface ChunkerOptions {
  readonly tokensMax: number
  readonly overlapTokens: number
}

/** A passage as the chunker cuts it; the catalog gives it an id. */
export interface ChunkDraft {
  readonly ordinal: number
  readonly span: Span
  /** Exactly `parsed.text.slice(span.start, span.end)`. */
  readonly text: string
  /** Title › headings: searched and embedded with the text, not counted in `tokens`. */
  readonly context: string
  readonly headings: readonly string[]
  readonly page: number | null
  readonly tokens: number
}
