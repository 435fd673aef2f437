import type { ErrorCode } from '../../core/errors.ts'
import type { Metadata } from '../../core/model.ts'
import type { ChunkDraft, ChunkerOptions, MediaType } from '../document.ts'
import type { ParseCaps } from './parsed.ts'

/** How a child works all its life: its one argument, as JSON. */
export interface ChildSettings {
  readonly caps: ParseCaps
  readonly chunksMax: number
}

/** A document on its way to a child: the first message names it, and each carries a part, so that none is large. */
export interface DocumentPart {
  readonly task?: Task | undefined
  readonly part: Uint8Array
  readonly last: boolean
}

export interface Task {
  readonly mediaType: MediaType
  readonly title: string | null
  readonly chunker: ChunkerOptions
}

/** Passages come back in groups; `done` or `failed` ends the document. */
export type ChildMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'chunks'; readonly chunks: readonly ChunkDraft[] }
  | {
      readonly kind: 'done'
      readonly title: string | null
      readonly metadata: Metadata
      readonly textLength: number
    }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }

/** Largest message either way, in bytes or characters: what both ends copy within a few milliseconds. */
export const MESSAGE_MAX = 256 * 1024
