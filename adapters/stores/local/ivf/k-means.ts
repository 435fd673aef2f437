import { sampleOf } from './random.ts'
import type { WorkMemory } from './work-memory.ts'

/** Lloyd's algorithm gains little after so many rounds. */
const ROUNDS = 8
/** How far a cluster's two halves are moved apart, as a part of the centroid. */
const SPLIT = 1 / 1_024

/** Where points belong: centroids × width, and half of each one's squared length. */
export interface Centroids {
  readonly count: number
  readonly width: number
  readonly points: Float32Array
  /** One more where the count is odd: infinity, for a centroid that is nobody's nearest. */
  readonly halves: Float32Array
}

/** Rows × width, in work memory, with room for three more: kernels take four rows at a time. */
export interface Points {
  readonly count: number
  readonly width: number
  readonly floats: Float32Array
}

/** k-means that begins with points drawn at random; a centroid that loses all its points gets half of the largest's. */
export function trainCentroids(
  work: WorkMemory,
  points: Points,
  count: number,
  random: () => number,
): Centroids {
  const { width } = points
  const even = count + (count & 1)
  const centroids: Centroids = {
    count,
    width,
    points: work.f32(even * width),
    halves: work.f32(even),
  }
  for (const [c, row] of sampleOf(points.count, count, random).entries())
    centroids.points.set(points.floats.subarray(row * width, (row + 1) * width), c * width)
  writeHalves(centroids)
  const nearest = work.i32(points.count + 3)
  for (let round = 0; round < ROUNDS; round++) {
    findNearest(work, points, centroids, nearest)
    moveToMeans(points, nearest, centroids)
    writeHalves(centroids)
  }
  return centroids
}

/** Writes the number of the nearest centroid of each point. */
export function findNearest(
  work: WorkMemory,
  { count, width, floats }: Points,
  { count: lists, points, halves }: Centroids,
  nearest: Int32Array,
): void {
  work.kernels.run.nearestRows(
    floats.byteOffset,
    Math.ceil(count / 4) * 4,
    width,
    points.byteOffset,
    halves.byteOffset,
    lists + (lists & 1),
    nearest.byteOffset,
  )
}

function moveToMeans({ count, width, floats }: Points, nearest: Int32Array, to: Centroids): void {
  const sums = new Float64Array(to.count * width)
  const sizes = new Int32Array(to.count)
  for (let row = 0; row < count; row++) {
    const list = nearest[row] as number
    sizes[list] = (sizes[list] as number) + 1
    const from = row * width
    const at = list * width
    for (let j = 0; j < width; j++)
      sums[at + j] = (sums[at + j] as number) + (floats[from + j] as number)
  }
  for (let list = 0; list < to.count; list++) {
    const size = sizes[list] as number
    if (size === 0) continue
    for (let at = list * width; at < (list + 1) * width; at++)
      to.points[at] = (sums[at] as number) / size
  }
  for (let list = 0; list < to.count; list++) if (sizes[list] === 0) splitLargest(to, sizes, list)
}

function splitLargest({ points, width }: Centroids, sizes: Int32Array, empty: number): void {
  let largest = 0
  for (let list = 1; list < sizes.length; list++)
    if ((sizes[list] as number) > (sizes[largest] as number)) largest = list
  for (let j = 0; j < width; j++) {
    const x = points[largest * width + j] as number
    const sign = (j & 1) === 0 ? 1 : -1
    points[empty * width + j] = x * (1 + sign * SPLIT)
    points[largest * width + j] = x * (1 - sign * SPLIT)
  }
  const size = sizes[largest] as number
  sizes[empty] = size >> 1
  sizes[largest] = size - (size >> 1)
}

function writeHalves({ count, width, points, halves }: Centroids): void {
  halves.fill(Number.POSITIVE_INFINITY)
  for (let list = 0; list < count; list++) {
    let squares = 0
    for (let at = list * width; at < (list + 1) * width; at++)
      squares += (points[at] as number) ** 2
    halves[list] = squares / 2
  }
}
