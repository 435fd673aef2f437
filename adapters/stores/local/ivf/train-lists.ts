import type { VectorRows } from '../dense/dense-segment.ts'
import { findNearest, type Points, trainCentroids } from './k-means.ts'
import { writePoint } from './point.ts'
import { sampleOf } from './random.ts'
import type { IvfShape } from './shape.ts'
import { type WorkMemory, type WorkSettings, workMemory } from './work-memory.ts'

/** More rows a list change the centroids no further. */
const ROWS_PER_LIST = 48
const ROWS_MIN = 10_000
/** Rows assigned in one call. */
const CHUNK_ROWS = 4_096

export interface TrainedLists {
  /** lists × width */
  readonly centroids: Float32Array
  /** Position of each list's first row; the last number is the row count. */
  readonly starts: Int32Array
  readonly order: Int32Array
  /** List of each row. */
  readonly lists: Uint16Array
}

/** Puts every row into the list of its nearest centroid; rows of a list keep their order. */
export function trainLists(
  rows: VectorRows,
  shape: IvfShape,
  origin: Float32Array | null,
  random: () => number,
  settings: WorkSettings,
): TrainedLists {
  const work = workMemory(settings)
  const { count } = rows
  const sample = sampleOf(count, Math.max(ROWS_MIN, shape.lists * ROWS_PER_LIST), random)
  const points = pointsFor(work, sample.length, shape.width)
  for (let i = 0; i < sample.length; i++) writeRow(rows, sample[i] as number, origin, points, i)
  const centroids = trainCentroids(work, points, shape.lists, random)
  const chunk = pointsFor(work, CHUNK_ROWS, shape.width)
  const nearest = work.i32(CHUNK_ROWS)
  const lists = new Uint16Array(count)
  for (let from = 0; from < count; from += CHUNK_ROWS) {
    const size = Math.min(CHUNK_ROWS, count - from)
    for (let i = 0; i < size; i++) writeRow(rows, from + i, origin, chunk, i)
    findNearest(work, { ...chunk, count: size }, centroids, nearest)
    for (let i = 0; i < size; i++) lists[from + i] = nearest[i] as number
  }
  return {
    centroids: centroids.points.slice(0, shape.lists * shape.width),
    ...inOrder(lists, shape.lists),
    lists,
  }
}

function pointsFor(work: WorkMemory, count: number, width: number): Points {
  return { count, width, floats: work.f32((count + 3) * width) }
}

function writeRow(
  { metric, floats, dimensions }: VectorRows,
  row: number,
  origin: Float32Array | null,
  points: Points,
  at: number,
): void {
  const into = points.floats.subarray(at * points.width, (at + 1) * points.width)
  writePoint(metric, floats, row * dimensions, dimensions, origin, into)
}

function inOrder(lists: Uint16Array, count: number): { starts: Int32Array; order: Int32Array } {
  const starts = new Int32Array(count + 1)
  for (let row = 0; row < lists.length; row++) {
    const next = (lists[row] as number) + 1
    starts[next] = (starts[next] as number) + 1
  }
  for (let list = 0; list < count; list++)
    starts[list + 1] = (starts[list + 1] as number) + (starts[list] as number)
  const ends = starts.slice()
  const order = new Int32Array(lists.length)
  for (let row = 0; row < lists.length; row++) {
    const list = lists[row] as number
    const at = ends[list] as number
    order[at] = row
    ends[list] = at + 1
  }
  return { starts, order }
}
