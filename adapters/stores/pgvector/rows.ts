import pgvector from 'pgvector'
import { QuarryError } from '../../../src/core/errors.ts'
import { createPace } from '../../../src/core/pace.ts'
import type { DenseSpec, IndexedChunk } from '../../../src/core/vector-store.ts'
import { encodeInstants, encodeMetadata, encodeText } from './filter.ts'

/** Numbers of one statement: a few megabytes of text at most. */
const NUMBERS_PER_STATEMENT = 200_000

/** Refuses a vector that the index cannot hold or compare. */
export function checkVector(vector: Float32Array | null, { dimensions }: DenseSpec): Float32Array {
  if (vector === null || vector.length !== dimensions)
    throw new QuarryError(
      'invalid_request',
      `a vector has ${vector?.length ?? 0} dimensions where the index has ${dimensions}`,
    )
  let squares = 0
  for (const value of vector) squares += value * value
  if (!Number.isFinite(squares))
    throw new QuarryError('invalid_request', 'a vector has a number that is not finite')
  if (squares === 0) throw new QuarryError('invalid_request', 'a vector is zero')
  return vector
}

/** pgvector's text form, by its own package. */
export function encodeVector(vector: Float32Array): string {
  return pgvector.toSql([...vector])
}

export type RowArrays = readonly [
  ids: string[],
  documents: string[],
  revisions: string[],
  metadata: string[],
  instants: string[],
  embeddings: string[],
]

/** Of several rows of one id the newest stays; in order of id, so that two writers never wait for each other. */
export function newestById(chunks: readonly IndexedChunk[]): IndexedChunk[] {
  const newest = new Map<string, IndexedChunk>()
  for (const chunk of chunks)
    if (chunk.revision >= (newest.get(chunk.id)?.revision ?? 0)) newest.set(chunk.id, chunk)
  return [...newest.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** Column arrays for `unnest`, statement by statement; gives the event loop back in between. */
export async function* encodeRows(
  chunks: readonly IndexedChunk[],
  dense: DenseSpec,
  rowsMax: number,
): AsyncGenerator<RowArrays> {
  const size = Math.max(1, Math.min(rowsMax, Math.floor(NUMBERS_PER_STATEMENT / dense.dimensions)))
  const pace = createPace()
  for (let start = 0; start < chunks.length; start += size) {
    const rows: RowArrays = [[], [], [], [], [], []]
    for (const chunk of chunks.slice(start, start + size)) {
      rows[0].push(chunk.id)
      rows[1].push(encodeText(chunk.documentId))
      rows[2].push(String(chunk.revision))
      rows[3].push(encodeMetadata(chunk))
      rows[4].push(encodeInstants(chunk))
      rows[5].push(encodeVector(checkVector(chunk.vector, dense)))
      await pace()
    }
    yield rows
  }
}
