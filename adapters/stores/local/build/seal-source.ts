import { QuarryError } from '../../../../src/core/errors.ts'
import type { Chunk } from '../../../../src/core/model.ts'
import { buildPostings } from '../bm25/build-postings.ts'
import type { RowTerms } from '../bm25/count-terms.ts'
import { sortRows } from '../segment/build-chunks.ts'
import { decodeRecord } from '../segment/record.ts'
import type { SealJob } from './job.ts'
import { type LogPage, logPage, termsIn } from './log-page.ts'
import type { RowSource } from './row-source.ts'

/** The rows of a frozen delta, put in order. */
export function sealSource({ log, terms }: Pick<SealJob, 'log' | 'terms'>): RowSource {
  const { pageOf, from, to, vectorFrom } = log
  const pages = log.pages.map(logPage)
  const pageAt = (at: number): LogPage => pages[pageOf[at] as number] as LogPage
  const logged = Array.from(from, (start, at) =>
    decodeRecord(pageAt(at).bytes, start, to[at] as number),
  )
  const order = sortRows(logged)
  return {
    count: logged.length,
    chunks: () => Array.from(order, (at) => logged[at] as Chunk),
    postings(spec) {
      if (terms === null) throw new QuarryError('internal', 'rows without terms have no postings')
      const termsOf = (row: number): RowTerms => {
        const at = order[row] as number
        return termsIn(pageAt(at), to[at] as number, vectorFrom[at] as number)
      }
      return buildPostings({ count: logged.length, terms, termsOf }, spec)
    },
    async readVectors(floats, dimensions) {
      order.forEach((at, row) => {
        const start = (vectorFrom[at] as number) / 4
        floats.set(pageAt(at).floats.subarray(start, start + dimensions), row * dimensions)
      })
    },
  }
}
