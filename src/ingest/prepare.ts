import { createHash } from 'node:crypto'
import type { Collection, EmbeddingSpace, StoredDocument, WorkItem } from '../catalog/catalog.ts'
import type { WrittenContexts } from '../catalog/written-contexts.ts'
import type { Metadata } from '../core/model.ts'
import { createPace } from '../core/pace.ts'
import type { ChunkDraft, ChunkerOptions } from './document.ts'
import { type EnrichDeps, enrichChunks } from './enrich/enrich-chunks.ts'
import type { Enrichment } from './enrich/enrichment.ts'
import type { Parser } from './parse/parse-document.ts'

/** A document cut into chunks, whose vectors are still to come. */
export interface PreparedDocument {
  readonly item: WorkItem
  readonly title: string | null
  readonly metadata: Metadata
  readonly bytes: number
  /** By chunking. */
  readonly cuts: ReadonlyMap<string, readonly HashedChunk[]>
  readonly enrichment: WrittenContexts | undefined
}

export interface HashedChunk extends ChunkDraft {
  readonly contentHash: string
}

export interface PrepareDeps extends Omit<EnrichDeps, 'work'> {
  readonly catalog: { readonly work: EnrichDeps['work'] }
  readonly parser: Pick<Parser, 'parse'>
  readonly chunkingOf: ChunkingOf
}

/** How the chunks of a space are made: what is behind its fingerprint. */
export interface Chunking {
  readonly chunker: ChunkerOptions
  readonly enrichment: Enrichment | null
}

export type ChunkingOf = (collection: Collection, space: EmbeddingSpace) => Chunking

/** Parses, cuts and, where that is asked, enriches a document, once for each way of chunking that a space wants. */
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
  let written: WrittenContexts | undefined
  for (const space of spaces) {
    if (cuts.has(space.chunking)) continue
    const { chunker, enrichment } = deps.chunkingOf(collection, space)
    const parsed = await deps.parser.parse({ content, mediaType, title, chunker }, signal)
    found = parsed
    if (enrichment === null) {
      cuts.set(space.chunking, await hashChunks(parsed.chunks))
      continue
    }
    const shownTitle = title ?? parsed.title
    const work = { ...deps, work: deps.catalog.work }
    const enriched = await enrichChunks(parsed.chunks, shownTitle, item, enrichment, work, signal)
    cuts.set(space.chunking, await hashChunks(enriched.chunks))
    written = {
      contexts: [...(written?.contexts ?? []), ...enriched.contexts],
      // The serving space comes first, and its state is the document's.
      plainCount: cuts.size === 1 ? enriched.plainCount : (written?.plainCount ?? 0),
    }
  }
  return {
    item,
    title: title ?? found.title,
    metadata: { ...found.metadata, ...row.metadata },
    bytes: content.byteLength,
    cuts,
    enrichment: written,
  }
}

/** What is embedded for a chunk: the context is searched and embedded with the text. */
export function passageOf(chunk: Pick<ChunkDraft, 'context' | 'text'>): string {
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
