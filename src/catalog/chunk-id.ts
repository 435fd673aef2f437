import { createHash } from 'node:crypto'
import type { ChunkId, DocumentId } from '../core/model.ts'

/**
 * Gives one document's chunks their ids, in the order of their places: `c` and 128 bits in hex. An id depends on the
 * chunk's own content and on how many equal chunks stand before it, never on its place, so that an edit elsewhere in
 * the document leaves it as it is.
 */
export function createChunkIds(document: DocumentId): (contentHash: string) => ChunkId {
  const seen = new Map<string, number>()
  return (contentHash) => {
    const occurrence = seen.get(contentHash) ?? 0
    seen.set(contentHash, occurrence + 1)
    const digest = createHash('sha256').update(JSON.stringify([document, contentHash, occurrence]))
    return `c${digest.digest('hex').slice(0, 32)}` as ChunkId
  }
}
