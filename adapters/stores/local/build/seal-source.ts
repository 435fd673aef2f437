import { QuarryError } from '../../../../src/core/errors.ts'
import type { Chunk } from '../../../../src/core/model.ts'
import { buildPostings } from '../bm25/build-postings.ts'
import { sortRows } from '../segment/build-chunks.ts'
import { decodeRecord } from '../segment/record.ts'
import type { SealJob } from './job.ts'
import type { RowSource } from './row-source.ts'

/** The rows of a frozen delta, put in order. */
export function sealSource({ log, terms }: Pick<SealJob, 'log' | 'terms'>): RowSource {
  const { pageOf, from, to, vectorFrom } = log
  const pages = log.pages.map((page) => ({
    bytes: new Uint8Array(page),
    words: new Uint32Array(page),
    floats: new Float32Array(page),
  }))
  const pageAt = (at: number): (typeof pages)[number] =>
    pages[pageOf[at] as number] as (typeof pages)[number]
  const logged = Array.from(from, (start, at) =>
    decodeRecord(pageAt(at).bytes, start, to[at] as number),
  )
  const order = sortRows(logged)
  return {
    count: logged.length,
    chunks: () => Array.from(order, (at) => logged[at] as Chunk),
    postings(spec) {
      if (terms === null) throw new QuarryError('internal', 'rows without terms have no postings')
      const termsOf = (row: number): Uint32Array => {
        const at = order[row] as number
        const start = ((to[at] as number) + 3) >>> 2
        return pageAt(at).words.subarray(start, (vectorFrom[at] as number) / 4)
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
