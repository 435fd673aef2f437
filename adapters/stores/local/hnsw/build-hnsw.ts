import { isTurnOver, nextTurn } from '../../../../src/core/turns.ts'
import type { VectorRows } from '../dense/dense-segment.ts'
import { copyPoint } from './exact-scores.ts'
import { type GraphFile, orRemove, sealGraphFile } from './graph-file.ts'
import { type HnswSpec, isInt8 } from './hnsw-spec.ts'
import { checkHnswlibFile } from './hnswlib-file.ts'
import { loadHnswlib, loadUsearch } from './native.ts'
import { freeUsearch, usearchConfig } from './usearch-index.ts'

/** Rows for one call of usearch: a few milliseconds of work. */
const BATCH_ROWS = 16

/**
 * Builds the graph, the rows' numbers as its labels, and writes and syncs it at `path`, which is a temporary name:
 * whoever asked renames it. For worker threads; looks at the signal every few milliseconds.
 * @throws QuarryError `unsupported` where the native package is missing; `unavailable` where the disk took not all
 */
export async function buildHnsw(
  rows: VectorRows,
  spec: HnswSpec,
  path: string,
  signal: AbortSignal,
): Promise<GraphFile> {
  return await orRemove(path, async () => {
    if (isInt8(spec)) await buildUsearch(rows, spec, path, signal)
    else await buildHnswlib(rows, spec, path, signal)
    return await sealGraphFile(path, signal)
  })
}

async function buildHnswlib(
  { count, dimensions, metric, floats }: VectorRows,
  { m, efConstruction }: HnswSpec,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const { HierarchicalNSW } = await loadHnswlib()
  const index = new HierarchicalNSW(metric === 'l2' ? 'l2' : 'ip', dimensions)
  index.initIndex(Math.max(1, count), m, efConstruction)
  const point = new Array<number>(dimensions).fill(0)
  try {
    for (let row = 0; row < count; row++) {
      copyPoint(floats, row * dimensions, metric === 'cosine', point)
      index.addPoint(point, row)
      if (isTurnOver()) await nextTurn(signal)
    }
    await index.writeIndex(path)
  } finally {
    // The graph is freed now, not when the garbage collector comes to it: the thread goes on to build others.
    index.initIndex(1)
  }
  await checkHnswlibFile(path, count)
}

async function buildUsearch(
  { count, dimensions, floats }: VectorRows,
  { m, efConstruction }: HnswSpec,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const { Index } = await loadUsearch()
  const index = new Index(usearchConfig(dimensions, m, efConstruction))
  for (let from = 0; from < count; from += BATCH_ROWS) {
    const to = Math.min(count, from + BATCH_ROWS)
    const keys = BigUint64Array.from({ length: to - from }, (_, i) => BigInt(from + i))
    index.add(keys, floats.slice(from * dimensions, to * dimensions), 1)
    if (isTurnOver()) await nextTurn(signal)
  }
  index.save(path)
  freeUsearch(Index, index)
}
