import { QuarryError } from '../../../../src/core/errors.ts'
import type { Chunk } from '../../../../src/core/model.ts'
import type { Blocks } from '../blocks.ts'
import { buildSlots } from './id-slots.ts'
import { RecordWriter } from './record.ts'
import { buildStrings } from './strings.ts'

type RowKey = Pick<Chunk, 'documentId' | 'ordinal' | 'id'>

/** The order of a segment's rows, by document and ordinal: row `r` is `chunks[order[r]]`. */
export function sortRows(chunks: readonly RowKey[]): Uint32Array {
  const order = Uint32Array.from(chunks, (_, i) => i)
  return order.sort((a, b) => compareRows(chunks[a] as RowKey, chunks[b] as RowKey))
}

/**
 * The stored chunks of a segment, given once each and in the order of rows.
 * @throws QuarryError `internal` where they are not
 */
export function buildChunks(rows: Iterable<Chunk>): Blocks {
  const records = new RecordWriter()
  const starts: number[] = []
  const ids: string[] = []
  const documents: string[] = []
  const documentRows: number[] = []
  let last: RowKey | null = null
  for (const chunk of rows) {
    if (last !== null && compareRows(last, chunk) > 0)
      throw new QuarryError('internal', `chunk ${chunk.id} comes behind ${last.id}, out of order`)
    if (last === null || last.documentId !== chunk.documentId) {
      documents.push(chunk.documentId)
      documentRows.push(ids.length)
    }
    starts.push(records.add(chunk))
    ids.push(chunk.id)
    last = chunk
  }
  documentRows.push(ids.length)
  return {
    ...buildStrings('ids', ids),
    id_slots: buildSlots(ids),
    ...buildStrings('documents', documents),
    document_rows: Uint32Array.from(documentRows),
    records: records.bytes(),
    record_starts: Uint32Array.from(starts),
  }
}

/** By document, then ordinal; ids decide between the same place of two revisions. */
export function compareRows(a: RowKey, b: RowKey): number {
  return compareText(a.documentId, b.documentId) || a.ordinal - b.ordinal || compareText(a.id, b.id)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
