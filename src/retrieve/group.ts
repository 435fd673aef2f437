import type { Chunk } from '../core/model.ts'

/** Counts the hits of each group, and says whether there is room for one more. */
export interface Groups {
  hasRoom(chunk: Chunk): boolean
  add(chunk: Chunk): void
}

/** By `document_id` or a metadata field. Equal lists are one group; a chunk without the field is a group of its own. */
export function groups(field: string, size: number): Groups {
  const counts = new Map<string, number>()
  return {
    hasRoom(chunk) {
      const group = groupOf(chunk, field)
      return group === null || (counts.get(group) ?? 0) < size
    },
    add(chunk) {
      const group = groupOf(chunk, field)
      if (group !== null) counts.set(group, (counts.get(group) ?? 0) + 1)
    },
  }
}

/** JSON tells 1 from "1". */
function groupOf(chunk: Chunk, field: string): string | null {
  if (field === 'document_id') return chunk.documentId
  return Object.hasOwn(chunk.metadata, field) ? JSON.stringify(chunk.metadata[field]) : null
}
