import { encodeQuery } from '../../adapters/stores/local/dense/encode-row.ts'
import { encodeRows } from '../../adapters/stores/local/dense/encode-rows.ts'
import { openFlat } from '../../adapters/stores/local/dense/flat.ts'
import { readFlat } from '../../adapters/stores/local/dense/flat-block.ts'
import { BLOCK_ROWS } from '../../adapters/stores/local/memory/scratch.ts'
import { openVectors, type VectorSet } from '../data/vectors.ts'
import type { Contender, Lane } from '../measure/lanes.ts'
import type { DenseTask } from './contenders.ts'
import { factsOf, laneOver, vectorRows } from './dense-segments.ts'
import { type OpenedPart, throughSegmentFile } from './segment-file.ts'

/**
 * Our exact scan: lane `search`; lane `kernels` for nothing but what it computes in WebAssembly, the first pass over the
 * codes and the exact comparison of k rows; lane `first-pass` for the former alone.
 */
export async function openQuarryFlat({ vectors, k }: DenseTask): Promise<Contender> {
  const set = await openVectors(vectors)
  const part = await throughSegmentFile({ name: 'vectors', blocks: encodeRows(vectorRows(set)) })
  const segment = openFlat(part.blocks, factsOf(set, part.region))
  return {
    lanes: {
      search: laneOver(segment, set, k),
      kernels: kernelLane(part, set, k, k),
      'first-pass': kernelLane(part, set, k, 0),
    },
    facts: { residentBytes: part.residentBytes },
  }
}

/** The kernels as a search calls them, block by block; what they find is not looked at. */
function kernelLane(
  { blocks, region }: OpenedPart,
  set: VectorSet,
  k: number,
  compared: number,
): Lane {
  const { kernels } = region
  const codes = readFlat(blocks, { ...set, kernels })
  const floats = kernels.addressOf(codes.floats)
  const scratch = kernels.takeScratch()
  const addresses = [codes.multipliers, codes.addends, codes.errors, codes.norms].map(
    kernels.addressOf,
  ) as [number, number, number, number]
  return (query) => {
    encodeQuery(set.queries[query] as Float32Array, 'cosine', scratch)
    scratch.heap.fill(Number.NEGATIVE_INFINITY, 0, k)
    let found = 0
    for (let from = 0; from < set.count; from += BLOCK_ROWS)
      found = kernels.run.scanRows(
        kernels.addressOf(codes.codes),
        codes.stride,
        ...addresses,
        0,
        0,
        from,
        Math.min(BLOCK_ROWS, set.count - from),
        scratch.query16.byteOffset,
        scratch.terms.byteOffset,
        scratch.heap.byteOffset,
        k,
        Number.NEGATIVE_INFINITY,
        scratch.rows.byteOffset,
        scratch.bounds.byteOffset,
      )
    if (compared > 0)
      kernels.run.dotRows(
        floats,
        set.dimensions,
        scratch.rows.byteOffset,
        Math.min(compared, found),
        scratch.query64.byteOffset,
        scratch.values.byteOffset,
      )
    return []
  }
}
