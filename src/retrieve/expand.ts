import type { Chunk } from '../core/model.ts'
import type { Hit, RetrieveRequest } from './request.ts'

export type ReadNeighbours = (
  documentId: Chunk['documentId'],
  from: number,
  to: number,
) => Promise<readonly Chunk[]>

/**
 * Puts each hit's neighbours in its document beside it. Going outward from a hit stops where another hit, or what a
 * better hit already shows, begins: no passage is in the answer twice, and each hit reads on without a gap.
 */
export async function expand(
  hits: readonly Hit[],
  { before, after }: NonNullable<RetrieveRequest['expand']>,
  read: ReadNeighbours,
): Promise<Hit[]> {
  const readAround = ({ documentId, ordinal }: Hit) =>
    read(documentId, Math.max(0, ordinal - before), ordinal + after)
  const neighbours = await Promise.all(hits.map(readAround))
  const shown = new Set(hits.map(({ documentId, ordinal }) => placeOf(documentId, ordinal)))
  return hits.map((hit, at) => {
    const byOrdinal = new Map(neighbours[at]?.map((chunk) => [chunk.ordinal, chunk]))
    return {
      ...hit,
      before: outward(hit, -1, before, byOrdinal, shown).reverse(),
      after: outward(hit, 1, after, byOrdinal, shown),
    }
  })
}

function outward(
  { documentId, ordinal }: Hit,
  step: 1 | -1,
  count: number,
  byOrdinal: ReadonlyMap<number, Chunk>,
  shown: Set<string>,
): Chunk[] {
  const found: Chunk[] = []
  for (let distance = 1; distance <= count; distance++) {
    const chunk = byOrdinal.get(ordinal + step * distance)
    if (chunk === undefined) break
    const place = placeOf(documentId, chunk.ordinal)
    if (shown.has(place)) break
    shown.add(place)
    found.push(chunk)
  }
  return found
}

function placeOf(documentId: string, ordinal: number): string {
  return `${ordinal} ${documentId}`
}
