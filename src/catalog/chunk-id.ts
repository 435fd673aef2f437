import { createHash } from 'node:crypto'
import type { ChunkId, DocumentId } from '../core/model.ts'

/**
 * Ids of one document's chunks, in the order of their content hashes: `c` and 128 bits in hex. An id depends on the
 * chunk's own content and on how many equal chunks stand before it, never on its place, so that an edit elsewhere in
 * the document leaves it as it is.
 */
export function chunkIds(document: DocumentId, contentHashes: readonly string[]): ChunkId[] {
  const seen = new Map<string, number>()
  return contentHashes.map((contentHash) => {
    const occurrence = seen.get(contentHash) ?? 0
    seen.set(contentHash, occurrence + 1)
    const digest = createHash('sha256').update(JSON.stringify([document, contentHash, occurrence]))
    return `c${digest.digest('hex').slice(0, 32)}` as ChunkId
  })
}
