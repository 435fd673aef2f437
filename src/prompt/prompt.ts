import type { ChunkId, DocumentId, Span } from '../core/model.ts'

export const PROMPT_FORMATS = ['openai', 'anthropic', 'cohere', 'text'] as const
export type PromptFormat = (typeof PROMPT_FORMATS)[number]

export interface PromptRequest {
  /** `default`, or a template named in the config's `templates`. */
  readonly template: string
  readonly format: PromptFormat
  /** Never exceeded, as counted by the tokenizer that the answer names. */
  readonly maxTokens: number
  /** Documents that always go in, before the retrieved passages and in the order of their ids. */
  readonly pinned: readonly DocumentId[]
  readonly order: 'relevance' | 'document' | 'edges'
}

/** A prompt ready for the gateway. `body` holds the provider's own fields: `messages`, and for some `system` or `documents`. */
export interface Prompt {
  readonly format: PromptFormat
  readonly body: Readonly<Record<string, unknown>>
  readonly tokens: number
  readonly tokenizer: string
  readonly citations: readonly Citation[]
  readonly dropped: readonly Dropped[]
  /** Hash of everything before the retrieved passages: equal hashes hit a provider's prompt cache. */
  readonly prefixHash: string
}

/** What `[n]` in an answer refers to. */
export interface Citation {
  readonly n: number
  readonly chunkIds: readonly ChunkId[]
  readonly documentId: DocumentId
  readonly title: string | null
  /**
   * In the document's own text, of all its pieces together: from the start of the first to the end of the last. What
   * the prompt shows of it may differ in white space between pieces, and has no invisible characters.
   */
  readonly span: Span
  readonly page: number | null
  readonly pinned: boolean
}

export interface Dropped {
  readonly id: string
  readonly reason: 'budget' | 'contained' | 'empty' | 'not_found'
}

/** A document that goes in whole, whatever was asked. */
export interface PinnedDocument {
  readonly id: DocumentId
  readonly title: string | null
  /** Its chunks joined: white space between them may differ from the document's. */
  readonly text: string
  /** Equal keys of one tenant are of the same document and the same text. */
  readonly textKey: string
  /** Where its text lies in the document's own: from the start of the first chunk to the end of the last. */
  readonly span: Span
}

/** The operator's words around the documents. Static: no date, tenant or id, or no provider caches the prompt. */
export interface PromptTemplate {
  readonly system: string
  /** Stands between the documents and the question. */
  readonly instruction: string
}
