import type { Metric } from '../../../../src/core/vector-store.ts'
import type { BlockReader } from '../blocks.ts'
import type { DenseSegment } from './dense-segment.ts'
import { type BlockFacts, readFlat } from './flat-block.ts'
import { searchFlat } from './flat-search.ts'

export interface VectorFacts extends BlockFacts {
  readonly metric: Metric
}

/** What `encodeRows` made, searched without loss. */
export function openFlat(blocks: BlockReader, facts: VectorFacts): DenseSegment {
  const { metric, count } = facts
  const pieces = [{ block: readFlat(blocks, facts), first: 0, count }]
  return {
    kind: 'flat',
    search: (query, search, signal) => searchFlat(pieces, metric, query, search, signal),
    close: () => {},
  }
}
