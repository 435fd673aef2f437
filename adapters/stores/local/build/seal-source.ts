import { openAnalyzer } from '../../../../src/core/analysis/open-analyzer.ts'
import type { Chunk } from '../../../../src/core/model.ts'
import { createPostingsBuilder } from '../bm25/build-postings.ts'
import { sortRows } from '../segment/build-chunks.ts'
import { decodeRecord } from '../segment/record.ts'
import type { DeltaLogRows } from './job.ts'
import type { RowSource } from './row-source.ts'

/** The rows of a frozen delta, put in order. */
export function sealSource({ pages, pageOf, from, to }: DeltaLogRows): RowSource {
  const bytes = pages.map((page) => new Uint8Array(page))
  const logged = Array.from(pageOf, (page, at) =>
    decodeRecord(bytes[page] as Uint8Array, from[at] as number, to[at] as number),
  )
  const order = sortRows(logged)
  const chunks = (): Chunk[] => Array.from(order, (at) => logged[at] as Chunk)
  return {
    count: logged.length,
    chunks,
    postings(spec) {
      const builder = createPostingsBuilder(spec, openAnalyzer(spec.analyzer))
      for (const chunk of chunks()) builder.add(chunk)
      return builder.finish()
    },
    async readVectors(floats, dimensions) {
      order.forEach((at, row) => {
        const page = pages[pageOf[at] as number] as SharedArrayBuffer
        const start = ((to[at] as number) + 3) & ~3
        floats.set(new Float32Array(page, start, dimensions), row * dimensions)
      })
    },
  }
}
