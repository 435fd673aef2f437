import type {
  Chunk,
  ChunkId,
  CollectionId,
  DocumentId,
  FeedPosition,
  IndexId,
  Metadata,
  SpaceId,
  TenantId,
} from '../core/model.ts'
import type { IndexSpec } from '../core/vector-store.ts'
import type { MediaType } from '../ingest/document.ts'
import type { DocumentRow, DocumentState, Index } from './catalog.ts'
import type { LoadedChunk } from './change-feed.ts'
import { unpackVector } from './vector-bytes.ts'

/** How the columns come back from the database, and what the contract makes of them. */

export const DOCUMENT_COLUMNS = `document_id, revision, state, reason, media_type,
  coalesce(title, parsed_title) as title, source, metadata, octet_length(content) as bytes,
  content_hash, chunk_count, plain_chunk_count, created_at, updated_at`

export interface DocumentColumns {
  readonly document_id: DocumentId
  readonly revision: bigint
  readonly state: DocumentState
  readonly reason: string | null
  readonly media_type: MediaType
  readonly title: string | null
  readonly source: string | null
  readonly metadata: Metadata
  readonly bytes: number
  readonly content_hash: string
  readonly chunk_count: number
  readonly plain_chunk_count: number
  readonly created_at: Date
  readonly updated_at: Date
}

export function toDocument(row: DocumentColumns): DocumentRow {
  return {
    id: row.document_id,
    revision: Number(row.revision),
    state: row.state,
    reason: row.reason,
    mediaType: row.media_type,
    title: row.title,
    source: row.source,
    metadata: row.metadata,
    bytes: row.bytes,
    contentHash: row.content_hash,
    chunkCount: row.chunk_count,
    plainChunkCount: row.plain_chunk_count,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

export const CHUNK_COLUMNS = `c.chunk_id, c.document_id, c.revision, c.ordinal, c.span_start, c.span_end,
  c.text, c.context, c.title, c.headings, c.page, c.metadata`

export interface ChunkColumns {
  readonly chunk_id: ChunkId
  readonly document_id: DocumentId
  readonly revision: bigint
  readonly ordinal: number
  readonly span_start: number
  readonly span_end: number
  readonly text: string
  readonly context: string
  readonly title: string | null
  readonly headings: readonly string[]
  readonly page: number | null
  readonly metadata: Metadata
}

export function toChunk(row: ChunkColumns): Chunk {
  return {
    id: row.chunk_id,
    documentId: row.document_id,
    revision: Number(row.revision),
    ordinal: row.ordinal,
    span: { start: row.span_start, end: row.span_end },
    text: row.text,
    context: row.context,
    title: row.title,
    headings: row.headings,
    page: row.page,
    metadata: row.metadata,
  }
}

export interface LoadedColumns extends ChunkColumns {
  readonly tenant_id: TenantId
  readonly vector: Uint8Array
}

export function toLoadedChunk(row: LoadedColumns): LoadedChunk {
  return { ...toChunk(row), tenant: row.tenant_id, vector: unpackVector(row.vector) }
}

export const INDEX_COLUMNS = `i.index_id, i.collection_id, i.store, i.spec, i.state as index_state,
  s.space_id, s.name as space_name, s.embedder, s.dimensions, s.chunking`

export interface IndexColumns {
  readonly index_id: IndexId
  readonly collection_id: CollectionId
  readonly store: string
  readonly spec: IndexSpec
  readonly index_state: Index['state']
  readonly space_id: SpaceId
  readonly space_name: string
  readonly embedder: string
  readonly dimensions: number
  readonly chunking: string
}

export function toIndex(row: IndexColumns): Index {
  return {
    index: row.index_id,
    collection: row.collection_id,
    store: row.store,
    spec: row.spec,
    state: row.index_state,
    space: {
      id: row.space_id,
      name: row.space_name,
      embedder: row.embedder,
      dimensions: row.dimensions,
      chunking: row.chunking,
    },
  }
}

/** xid8 is read as bigint: no driver knows the type, and transaction ids stay far below 2^63. */
export const POSITION_COLUMNS = 'xid::text::bigint as xid, seq'

export interface PositionColumns {
  readonly xid: bigint
  readonly seq: bigint
}

export const toPosition = (row: PositionColumns): FeedPosition => ({ xid: row.xid, seq: row.seq })
