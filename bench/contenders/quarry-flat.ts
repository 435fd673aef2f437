import { encodeQuery } from '../../adapters/stores/local/dense/encode-row.ts'
import { encodeRows } from '../../adapters/stores/local/dense/encode-rows.ts'
import { openFlat } from '../../adapters/stores/local/dense/flat.ts'
import { readCodes } from '../../adapters/stores/local/dense/flat-block.ts'
import { BLOCK_ROWS } from '../../adapters/stores/local/memory/scratch.ts'
import { openVectors, type VectorSet } from '../data/vectors.ts'
import type { Contender, Lane } from '../measure/lanes.ts'
import type { DenseTask } from './contenders.ts'
import { factsOf, laneOver, vectorRows } from './dense-segments.ts'
import { type OpenedPart, throughSegmentFile } from './segment-file.ts'

/** Our exact scan: lane `search`, and lane `kernel` for nothing but the first pass over the same codes. */
export async function openQuarryFlat({ vectors, k }: DenseTask): Promise<Contender> {
  const set = await openVectors(vectors)
  const part = await throughSegmentFile({ name: 'vectors', blocks: encodeRows(vectorRows(set)) })
  const segment = openFlat(part.blocks, factsOf(set, part.region))
  return {
    lanes: { search: laneOver(segment, set, k), kernel: kernelLane(part, set, k) },
    facts: { residentBytes: part.residentBytes },
  }
}

/** The kernel as a search calls it, block by block; what it finds is not looked at. */
function kernelLane({ blocks, region }: OpenedPart, set: VectorSet, k: number): Lane {
  const { kernels } = region
  const codes = readCodes(blocks, { ...set, kernels })
  const scratch = kernels.takeScratch()
  const addresses = [codes.multipliers, codes.addends, codes.errors, codes.norms].map(
    kernels.addressOf,
  ) as [number, number, number, number]
  return (query) => {
    encodeQuery(set.queries[query] as Float32Array, 'cosine', scratch)
    scratch.heap.fill(Number.NEGATIVE_INFINITY, 0, k)
    for (let from = 0; from < set.count; from += BLOCK_ROWS)
      kernels.run.scanRows(
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
    return []
  }
}
