import { createHash } from 'node:crypto'
import type { Collection, EmbeddingSpace, StoredDocument, WorkItem } from '../catalog/catalog.ts'
import type { Metadata } from '../core/model.ts'
import { createPace } from '../core/pace.ts'
import type { ChunkDraft, ChunkerOptions } from './document.ts'
import type { Parser } from './parse/parse-document.ts'

/** A document cut into chunks, whose vectors are still to come. */
export interface PreparedDocument {
  readonly item: WorkItem
  readonly title: string | null
  readonly metadata: Metadata
  readonly bytes: number
  /** By chunking. */
  readonly cuts: ReadonlyMap<string, readonly HashedChunk[]>
}

export interface HashedChunk extends ChunkDraft {
  readonly contentHash: string
}

export interface PrepareDeps {
  readonly parser: Pick<Parser, 'parse'>
  readonly chunkerOf: ChunkerOf
}

/** The chunker behind a space's fingerprint. */
export type ChunkerOf = (collection: Collection, space: EmbeddingSpace) => ChunkerOptions

/** Parses and cuts a document, once for each way of chunking that a space wants. */
export async function prepareDocument(
  item: WorkItem,
  { row, content }: StoredDocument,
  collection: Collection,
  spaces: readonly EmbeddingSpace[],
  deps: PrepareDeps,
  signal: AbortSignal,
): Promise<PreparedDocument> {
  const { mediaType, title } = row
  const cuts = new Map<string, readonly HashedChunk[]>()
  let found: { title: string | null; metadata: Metadata } = { title: null, metadata: {} }
  for (const space of spaces) {
    if (cuts.has(space.chunking)) continue
    const chunker = deps.chunkerOf(collection, space)
    const parsed = await deps.parser.parse({ content, mediaType, title, chunker }, signal)
    cuts.set(space.chunking, await hashChunks(parsed.chunks))
    found = parsed
  }
  return {
    item,
    title: title ?? found.title,
    metadata: { ...found.metadata, ...row.metadata },
    bytes: content.byteLength,
    cuts,
  }
}

/** What is embedded for a chunk: the context is searched and embedded with the text. */
export function passageOf(chunk: ChunkDraft): string {
  return chunk.context === '' ? chunk.text : `${chunk.context}\n\n${chunk.text}`
}

async function hashChunks(chunks: readonly ChunkDraft[]): Promise<readonly HashedChunk[]> {
  const pace = createPace()
  const hashed: HashedChunk[] = []
  for (const chunk of chunks) {
    const contentHash = createHash('sha256').update(passageOf(chunk)).digest('hex')
    hashed.push({ ...chunk, contentHash })
    await pace()
  }
  return hashed
}
