import type {
  ChunkId,
  CollectionId,
  DocumentId,
  IndexId,
  Metadata,
  Scope,
  TenantId,
} from '../../src/core/model.ts'
import type { IndexedChunk, IndexWriter } from '../../src/core/vector-store.ts'

export const DIMENSIONS = 8

/** A signal that nobody aborts. */
export const never: AbortSignal = new AbortController().signal

export function scopeOf(tenant: string, index = 'ix1', collection = 'docs'): Scope {
  return {
    tenant: tenant as TenantId,
    collection: collection as CollectionId,
    index: index as IndexId,
  }
}

/** A chunk of revision 1 with a seeded vector, unless told otherwise. */
export function chunkOf(
  id: string,
  fields: Partial<Omit<IndexedChunk, 'id' | 'documentId'>> & { readonly documentId?: string } = {},
): IndexedChunk {
  const { documentId = `doc-${id}`, ...rest } = fields
  const text = fields.text ?? `passage ${id}`
  return {
    id: id as ChunkId,
    documentId: documentId as DocumentId,
    revision: 1,
    ordinal: 0,
    span: { start: 0, end: text.length },
    text,
    context: '',
    title: null,
    headings: [],
    page: null,
    metadata: {},
    vector: vectorOf(seedOf(id)),
    ...rest,
  }
}

/** `count` chunks c0000, c0001, …; every nineteenth is `rare`. */
export function corpusOf(count: number, dimensions: number = DIMENSIONS): IndexedChunk[] {
  return Array.from({ length: count }, (_, i) =>
    chunkOf(`c${String(i).padStart(4, '0')}`, {
      vector: vectorOf(1_000 + i, dimensions),
      metadata: metadataOf(i),
    }),
  )
}

function metadataOf(i: number): Metadata {
  return { lang: i % 3 === 0 ? 'en' : 'fr', n: i % 7, rare: i % 19 === 0 }
}

/** A seeded vector of no particular length in every direction, so that a failure repeats. */
export function vectorOf(seed: number, dimensions: number = DIMENSIONS): Float32Array {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x85ebca6b) >>> 0
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  const gaussian = (): number =>
    Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  return Float32Array.from({ length: dimensions }, gaussian)
}

function seedOf(id: string): number {
  let hash = 7
  for (const character of id) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) | 0
  return hash
}

export function idsOf(chunks: readonly { readonly id: ChunkId }[]): ChunkId[] {
  return chunks.map(({ id }) => id)
}

export async function listAll(store: IndexWriter, scope: Scope): Promise<ChunkId[]> {
  const ids: ChunkId[] = []
  for await (const id of store.listChunkIds(scope, never)) ids.push(id)
  return ids.sort()
}
