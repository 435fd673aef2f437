import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeFiles } from '../../adapters/stores/local/files/files.ts'
import { buildHnsw } from '../../adapters/stores/local/hnsw/build-hnsw.ts'
import { openHnsw } from '../../adapters/stores/local/hnsw/open-hnsw.ts'
import { CACHE_FOLDER } from '../data/cache.ts'
import { openVectors, type VectorSet } from '../data/vectors.ts'
import type { Contender } from '../measure/lanes.ts'
import type { HnswTask } from './contenders.ts'
import { laneOver, vectorRows } from './dense-segments.ts'

const NATIVE_BYTES_MAX = 8 * 2 ** 30

/** Our graph segment over one graph file, opened once for each search breadth. */
export async function openQuarryHnsw(task: HnswTask): Promise<Contender> {
  const { vectors, k, m, efConstruction, quantization } = task
  const set = await openVectors(vectors)
  const folder = join(CACHE_FOLDER, `graph-${process.pid}`)
  await mkdir(folder, { recursive: true })
  const { signal } = new AbortController()
  const rows = vectorRows(set)
  const specOf = (efSearch: number) =>
    ({ kind: 'hnsw', m, efConstruction, efSearch, quantization }) as const
  try {
    const startedMs = performance.now()
    const file = await buildHnsw(rows, specOf(100), join(folder, 'graph'), signal)
    const buildSeconds = (performance.now() - startedMs) / 1_000
    const [first = 100] = task.efSearch
    const segments = []
    for (const efSearch of task.efSearch) {
      const spec = specOf(efSearch)
      const options = {
        files: nodeFiles(),
        spec,
        rows: set.count,
        dimensions: set.dimensions,
        metric: 'cosine',
        bytesMax: NATIVE_BYTES_MAX,
        scanRows: () => Promise.reject(new Error('nothing is filtered here')),
        readVectors: readFrom(set),
      } as const
      segments.push([String(efSearch), await openHnsw(file, options, signal)] as const)
    }
    return {
      lanes: Object.fromEntries(
        segments.map(([name, segment]) => [name, laneOver(segment, set, k)]),
      ),
      facts: { buildSeconds, graphBytes: segments[0]?.[1].bytes ?? first },
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function readFrom({ base, dimensions }: VectorSet) {
  return async (rows: readonly number[]): Promise<Float32Array> => {
    const floats = new Float32Array(rows.length * dimensions)
    for (const [i, row] of rows.entries())
      floats.set(base.subarray(row * dimensions, (row + 1) * dimensions), i * dimensions)
    return floats
  }
}
