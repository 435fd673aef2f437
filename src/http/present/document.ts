import { isUtf8 } from 'node:buffer'
import type { DocumentRow, WriteReceipt } from '../../catalog/catalog.ts'
import { encodeVersion } from '../version.ts'

export function presentDocument(row: DocumentRow) {
  return {
    id: row.id,
    revision: row.revision,
    state: row.state,
    reason: row.reason,
    media_type: row.mediaType,
    title: row.title,
    source: row.source,
    metadata: row.metadata,
    bytes: row.bytes,
    content_hash: row.contentHash,
    chunks: row.chunkCount,
    chunks_without_context: row.plainChunkCount,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  }
}

/** As text wherever that shows exactly what was sent. */
export function presentContent({ mediaType }: DocumentRow, content: Uint8Array) {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  if (mediaType !== 'application/pdf' && isUtf8(bytes)) return { text: bytes.toString('utf8') }
  return { content_base64: bytes.toString('base64') }
}

export function presentReceipt({ id, revision, outcome, version }: WriteReceipt) {
  return { id, revision, outcome, version: encodeVersion(version) }
}
