import type { Filter } from '../../src/core/filter.ts'
import type {
  ChunkId,
  CollectionId,
  DocumentId,
  IndexId,
  Metadata,
  Scope,
  TenantId,
} from '../../src/core/model.ts'
import type { IndexedChunk } from '../../src/core/vector-store.ts'
import { textGenerator } from '../corpus.ts'
import { CorpusUnavailable, readPassages } from './passages.ts'
import { randomFrom } from './random.ts'

const CHUNKS_OF_A_DOCUMENT = 8
const SHARE_STEPS = 10_000

export function scopeOf(tenant: string, index = 'bench'): Scope {
  return {
    tenant: tenant as TenantId,
    collection: 'bench' as CollectionId,
    index: index as IndexId,
  }
}

/** The chunk of a row; its id tells the row, and ascending rows have ascending ids and documents. */
export function chunkOfRow(row: number, text: string, vector: Float32Array): IndexedChunk {
  const document = Math.floor(row / CHUNKS_OF_A_DOCUMENT)
  return {
    id: `c${String(row).padStart(8, '0')}` as ChunkId,
    documentId: `d${String(document).padStart(8, '0')}` as DocumentId,
    revision: 1,
    ordinal: row % CHUNKS_OF_A_DOCUMENT,
    span: { start: 0, end: text.length },
    text,
    context: '',
    title: null,
    headings: [],
    page: null,
    metadata: metadataOf(row),
    vector,
  }
}

export function rowOfChunk(id: ChunkId): number {
  return Number(id.slice(1))
}

/** Lets about this share of all chunks through, at random. */
export function filterOfShare(share: number): Filter {
  return { op: 'lt', field: 'dice', value: share * SHARE_STEPS }
}

export function isInShare(row: number, share: number): boolean {
  return diceOf(row) < share * SHARE_STEPS
}

function metadataOf(row: number): Metadata {
  return { dice: diceOf(row), language: row % 3 === 0 ? 'en' : 'de' }
}

function diceOf(row: number): number {
  return Math.floor(randomFrom(row * 7 + 1)() * SHARE_STEPS)
}

/** Real passages, or generated ones where there are none to be had. */
export async function textsFor(count: number): Promise<readonly string[]> {
  try {
    return await readPassages(count)
  } catch (error) {
    if (!(error instanceof CorpusUnavailable)) throw error
    const generate = textGenerator(7)
    return Array.from({ length: count }, () => generate(120))
  }
}
