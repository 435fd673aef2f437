import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { QuarryError } from '../../../../src/core/errors.ts'
import { isTurnOver, nextTurn } from '../../../../src/core/turns.ts'
import type { Metric } from '../../../../src/core/vector-store.ts'
import { UnusableFile } from '../segment/unusable-file.ts'
import { copyPoint } from './exact-scores.ts'
import type { Graph, Neighbours, ReadVectors } from './graph.ts'
import { type GraphFile, notLoaded } from './graph-file.ts'
import { checkHnswlibFile } from './hnswlib-file.ts'
import { type Hnswlib, type HnswlibIndex, loadHnswlib } from './native.ts'

/** Beside what is in the file: a lock (40), the label's place in a hash table (48), links, level and visited marks. */
const ROW_EXTRA_BYTES = 112
/** 65,536 locks for labels, whatever the number of rows. */
const FIXED_BYTES = 65_536 * 40

export interface HnswlibGraph extends Graph {
  /** Some 30 µs a vector of 384 dimensions, since each number crosses into JavaScript by itself. */
  readonly readVectors: ReadVectors
}

export function hnswlibBytes(fileBytes: number, rows: number): number {
  return fileBytes + rows * ROW_EXTRA_BYTES + FIXED_BYTES
}

/** Loads a file that was checked; the thread pool reads it, the event loop is not held. */
export async function openHnswlibGraph(
  file: GraphFile,
  rows: number,
  dimensions: number,
  metric: Metric,
): Promise<HnswlibGraph> {
  const lib = await loadHnswlib()
  const index = new lib.HierarchicalNSW(metric === 'l2' ? 'l2' : 'ip', dimensions)
  try {
    await index.readIndex(file.path)
  } catch (cause) {
    throw notLoaded(file, cause)
  }
  const count = index.getCurrentCount()
  if (count !== rows) {
    index.initIndex(1)
    throw new UnusableFile('other_content', file.path, `it has ${count} rows, not ${rows}`)
  }
  const point = new Array<number>(dimensions).fill(0)
  let closed = false
  const checkOpen = (): void => {
    if (closed) throw new QuarryError('internal', `${file.path} was closed while it is searched`)
  }
  return {
    rows,
    bytes: hnswlibBytes(file.bytes, rows),
    nearest(query, width, depth) {
      checkOpen()
      copyPoint(query, 0, metric === 'cosine', point)
      index.setEf(width)
      return scored(index.searchKnn(point, depth), metric)
    },
    async readVectors(wanted, signal) {
      const floats = new Float32Array(wanted.length * dimensions)
      for (let i = 0; i < wanted.length; i++) {
        checkOpen()
        floats.set(index.getPoint(wanted[i] as number), i * dimensions)
        if (isTurnOver()) await nextTurn(signal)
      }
      return floats
    },
    close() {
      if (closed) return
      closed = true
      void free(lib, index)
    },
  }
}

/** hnswlib gives 1 − dot for `ip` and the squared distance for `l2`. */
function scored(
  { neighbors, distances }: { neighbors: number[]; distances: number[] },
  metric: Metric,
): Neighbours {
  const scores = distances
  for (let i = 0; i < distances.length; i++) {
    const distance = distances[i] as number
    scores[i] = metric === 'l2' ? -Math.sqrt(distance) : 1 - distance
  }
  return { rows: neighbors, scores }
}

/**
 * Frees the graph now, since the garbage collector does not know how large it is, and in the thread pool: reading a
 * graph of one row in its place does both. Freeing 100,000 rows would hold the event loop for 13 ms.
 */
async function free(lib: Hnswlib, index: HnswlibIndex): Promise<void> {
  let folder: string | null = null
  try {
    folder = await mkdtemp(join(tmpdir(), 'quarry-hnsw-'))
    const path = join(folder, 'one-row')
    const oneRow = new lib.HierarchicalNSW('ip', 1)
    oneRow.initIndex(1)
    oneRow.addPoint([1], 0)
    await oneRow.writeIndex(path)
    // After a file that turns out broken halfway the index would hold memory that it freed already.
    await checkHnswlibFile(path, 1)
    await index.readIndex(path)
  } catch {
    index.initIndex(1)
  } finally {
    if (folder !== null) await rm(folder, { recursive: true, force: true }).catch(() => undefined)
  }
}
