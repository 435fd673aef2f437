import type { VectorSet } from '../data/vectors.ts'
import type { Lane } from '../measure/lanes.ts'
import { loadPeer } from './load-peer.ts'

interface Usearch {
  readonly MetricKind: { readonly IP: string }
  exactSearch(
    dataset: Float32Array,
    queries: Float32Array,
    dimensions: number,
    k: number,
    metric: string,
    threads: number,
  ): { readonly keys: BigUint64Array }
}

export function usearchExact({ base, dimensions, queries }: VectorSet, k: number): Lane {
  const { exactSearch, MetricKind } = loadPeer<Usearch>('usearch')
  return (query) =>
    Array.from(
      exactSearch(base, queries[query] as Float32Array, dimensions, k, MetricKind.IP, 1).keys,
      Number,
    )
}
