import type { Analyzer } from '../../../../src/core/analyzer.ts'
import type { Chunk } from '../../../../src/core/model.ts'
import type { LexicalSpec } from '../../../../src/core/vector-store.ts'
import type { Blocks } from '../blocks.ts'
import { lengthByte } from './formula.ts'
import { withRoom } from './growing.ts'
import { invert } from './invert.ts'
import { PostingLog } from './posting-log.ts'
import { toBlocks } from './postings-blocks.ts'
import { GrowingTermTable } from './term-table.ts'
import { unitOf, weightedTerms } from './weighted-terms.ts'

export interface PostingsBuilder {
  /** Chunks come in the order of their rows, from row 0. */
  add(chunk: Chunk): void
  /** To be called once; nothing may be added afterwards. */
  finish(): Blocks
}

/** Makes the postings of a segment. It holds five bytes a posting until `finish`, which takes six more. */
export function createPostingsBuilder(spec: LexicalSpec, analyzer: Analyzer): PostingsBuilder {
  const terms = new GrowingTermTable()
  const log = new PostingLog()
  const unit = unitOf(spec)
  let lengths: Uint8Array = new Uint8Array(1024)
  let frequencies: Uint32Array = new Uint32Array(1024)
  let count = 0
  let lengthTotal = 0
  return {
    add(chunk) {
      const found = weightedTerms(chunk, spec, analyzer)
      for (const [term, tf] of found.terms) {
        const id = terms.idOf(term)
        frequencies = withRoom(frequencies, id + 1)
        frequencies[id] = (frequencies[id] as number) + 1
        log.push(id, tf / unit)
      }
      log.endRow()
      lengths = withRoom(lengths, count + 1)
      lengths[count++] = lengthByte(found.length)
      lengthTotal += found.length
    },
    finish: () =>
      toBlocks(
        invert({
          log,
          terms,
          frequencies: frequencies.subarray(0, terms.count),
          lengths: lengths.slice(0, count),
          lengthTotal,
          unit,
          bm25: spec,
        }),
      ),
  }
}
