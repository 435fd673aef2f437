import { cached } from '../data/cache.ts'
import { rowsOf, type VectorSet } from '../data/vectors.ts'
import type { Lane } from '../measure/lanes.ts'
import { loadPeer } from './load-peer.ts'

interface Hnswlib {
  readonly HierarchicalNSW: new (space: 'ip', dimensions: number) => Graph
}

interface Graph {
  initIndex(settings: {
    maxElements: number
    m: number
    efConstruction: number
    randomSeed: number
  }): void
  addPoint(vector: number[], row: number): void
  writeIndexSync(path: string): void
  readIndexSync(path: string): void
  setEf(ef: number): void
  searchKnn(vector: number[], k: number): { readonly neighbors: number[] }
}

export interface HnswSettings {
  readonly m: number
  readonly efConstruction: number
}

/** The graph with nothing around it; built once and kept, for one search breadth after another. */
export async function hnswlibBare(
  set: VectorSet,
  settings: HnswSettings,
  k: number,
): Promise<(efSearch: number) => Lane> {
  const { HierarchicalNSW } = loadPeer<Hnswlib>('hnswlib-node')
  const { dimensions, count, queries } = set
  const { m, efConstruction } = settings
  const path = await cached(
    `hnswlib-${set.name}-${m}-${efConstruction}-${set.digest}.bin`,
    async (file) => {
      const graph = new HierarchicalNSW('ip', dimensions)
      graph.initIndex({ maxElements: count, m, efConstruction, randomSeed: 1 })
      for (const [row, vector] of rowsOf(set.base, dimensions).entries())
        graph.addPoint(Array.from(vector), row)
      graph.writeIndexSync(file)
    },
  )
  const graph = new HierarchicalNSW('ip', dimensions)
  graph.readIndexSync(path)
  const asked = queries.map((query) => Array.from(query))
  return (efSearch) => (query) => {
    graph.setEf(efSearch)
    return graph.searchKnn(asked[query] as number[], k).neighbors
  }
}
