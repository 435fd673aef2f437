import { buildIvfPq } from '../../adapters/stores/local/ivf/build-ivf-pq.ts'
import { openIvfPq } from '../../adapters/stores/local/ivf/open-ivf-pq.ts'
import { openVectors } from '../data/vectors.ts'
import type { Contender } from '../measure/lanes.ts'
import type { DenseTask } from './contenders.ts'
import { factsOf, laneOver, vectorRows } from './dense-segments.ts'
import { throughSegmentFile } from './segment-file.ts'

/** Our lists and codes, with the sizes that they choose for the rows. */
export async function openQuarryIvfPq({ vectors, k }: DenseTask): Promise<Contender> {
  const set = await openVectors(vectors)
  const startedMs = performance.now()
  const blocks = buildIvfPq(vectorRows(set), {})
  const buildSeconds = (performance.now() - startedMs) / 1_000
  const part = await throughSegmentFile({ name: 'vectors', blocks })
  const segment = openIvfPq(part.blocks, factsOf(set, part.region))
  return {
    lanes: { search: laneOver(segment, set, k) },
    facts: { residentBytes: part.residentBytes, buildSeconds },
  }
}
