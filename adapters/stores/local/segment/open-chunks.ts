import { QuarryError } from '../../../../src/core/errors.ts'
import type { Chunk, ChunkId, DocumentId } from '../../../../src/core/model.ts'
import type { BlockReader } from '../blocks.ts'
import { lastUpTo } from '../last-up-to.ts'
import { findRow } from './id-slots.ts'
import { bufferOf, readOrdinal, readRecord, readRevision } from './record.ts'
import { openStrings, type Strings } from './strings.ts'

/** The stored chunks of a segment. Rows are given by the caller and must be below `count`. */
export interface Chunks {
  readonly count: number
  /** -1 where the segment has no such chunk. */
  rowOf(id: string): number
  idAt(row: number): ChunkId
  /** By id, as JavaScript compares strings: how ties of a score are broken. */
  isBefore(row: number, other: number): boolean
  /** The rows of a document are `from` to `to` (exclusive), by ordinal; none where it is unknown. */
  rowsOf(documentId: string): { readonly from: number; readonly to: number }
  documentAt(row: number): DocumentId
  revisionAt(row: number): number
  ordinalAt(row: number): number
  /** Decoded anew at each call: some microseconds. */
  chunkAt(row: number): Chunk
}

/** @throws QuarryError `internal` where the blocks don't hold `count` chunks */
export function openChunks(blocks: BlockReader, count: number): Chunks {
  const ids = openStrings('ids', blocks, count)
  const slots = blocks.u32('id_slots')
  const documentRows = blocks.u32('document_rows')
  const documents = openStrings('documents', blocks, documentRows.length - 1)
  const starts = blocks.u32('record_starts')
  const records = bufferOf(blocks.u8('records'))
  const isSound =
    starts.length === count &&
    documentRows.at(-1) === count &&
    (slots.length & (slots.length - 1)) === 0 &&
    slots.length > count
  if (!isSound) throw new QuarryError('internal', `the stored chunks are not ${count}`)
  const startOf = (row: number): number => starts[row] ?? records.byteLength
  const documentAt = (row: number): DocumentId =>
    documents.at(lastUpTo(documentRows, row)) as DocumentId
  return {
    count,
    rowOf: (id) => findRow(slots, ids, id),
    idAt: (row) => ids.at(row) as ChunkId,
    isBefore: (row, other) => ids.compare(row, other) < 0,
    rowsOf: (documentId) => rowsOf(documents, documentRows, documentId),
    documentAt,
    revisionAt: (row) => readRevision(records, startOf(row)),
    ordinalAt: (row) => readOrdinal(records, startOf(row)),
    chunkAt: (row) => {
      const named = { id: ids.at(row) as ChunkId, documentId: documentAt(row) }
      return readRecord(records, startOf(row), named)
    },
  }
}

function rowsOf(
  documents: Strings,
  documentRows: Uint32Array,
  documentId: string,
): { from: number; to: number } {
  let low = 0
  let high = documents.count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (documents.compareTo(middle, documentId) < 0) low = middle + 1
    else high = middle
  }
  const isThere = low < documents.count && documents.equals(low, documentId)
  return isThere
    ? { from: documentRows[low] as number, to: documentRows[low + 1] as number }
    : { from: 0, to: 0 }
}
