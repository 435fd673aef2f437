import type { Blocks } from '../blocks.ts'
import type { VectorRows } from '../dense/dense-segment.ts'
import { lastUpTo } from '../last-up-to.ts'
import { TopK } from '../top-k.ts'
import { type Ivf, type IvfPlan, type IvfReach, openIvf, planBlock } from './index-of-lists.ts'
import { ListsInOrder } from './lists-in-order.ts'
import { placeBlocks } from './place-blocks.ts'
import { MEASURED } from './plan.ts'
import { writePoint } from './point.ts'
import { type IvfQuery, prepareQuery } from './query.ts'
import { sampleOf } from './random.ts'
import { piecesOf, rescore, scanCodes } from './scan.ts'
import { type WorkSettings, workMemory } from './work-memory.ts'
import { openWorkspace, PIECE_ROWS, type Workspace } from './workspace.ts'

/** Queries that the plan is measured with, and the rows that all of them together are compared with at most. */
const QUERIES_MAX = 128
const QUERIES_MIN = 32
const COMPARISONS_MAX = 32e6
/** Length of what is added to a row to make it a query, as a part of its residual's. */
const NOISE = 0.5
/**
 * Of what may be missed, the part that may lie in lists not looked into, and the part that may be lost there or by the
 * codes. The rest is left to int8, which the nearest rows are told by here, and to chance.
 */
const MISSED_BY_LISTS = 0.45
const MISSED_BY_CODES = 0.75
/** Of what may be missed, the part that may be with a filter. */
const MISSED_WITH_FILTER = 1 / 3
/** Centroids of so many of the best rows score within the margin. */
const WITHIN_MARGIN = 0.995

export interface PlanTarget {
  readonly targetRecall: number
  readonly probes: number
}

/** One of the nearest rows of a query. */
interface Neighbour {
  /** Its own and its centroid's; for dot in lengths of the query. */
  readonly key: number
  readonly listKey: number
  /** Of its list among all, by the query's keys. */
  readonly listRank: number
  /** Of itself, by its code among the rows of the lists that are looked into. */
  codeRank: number
  readonly position: number
}

/** A query, and its nearest rows by int8 for each number of results. */
interface Sample {
  readonly vector: Float32Array
  readonly self: number
  readonly nearest: readonly Neighbour[]
}

/**
 * Searches for some of the rows, moved a little and left out themselves, and finds the least numbers of lists and of
 * rescored rows that reach the target against the order of all int8 rows.
 */
export function planFor(
  rows: VectorRows,
  blocks: Blocks,
  target: PlanTarget,
  random: () => number,
  settings: WorkSettings,
): IvfPlan {
  const { kernels, u8 } = workMemory(settings)
  const reader = placeBlocks({ ...blocks, plan: planBlock(NO_PLAN) }, u8)
  const ivf = openIvf(reader, { ...rows, kernels })
  const space = openWorkspace(kernels, ivf.shape)
  const samples: Sample[] = []
  const moved = moverOf(ivf, rows, random)
  const queries = Math.min(QUERIES_MAX, Math.max(QUERIES_MIN, COMPARISONS_MAX / rows.count))
  for (const row of sampleOf(rows.count, Math.floor(queries), random))
    samples.push(sampleAt(ivf, moved(row), ivf.positions[row] as number, space))
  const missed = 1 - target.targetRecall
  return {
    unfiltered: reachFor(ivf, samples, missed, target.probes, space),
    filtered: reachFor(ivf, samples, missed * MISSED_WITH_FILTER, target.probes, space),
    margins: forEach((k) =>
      quantile(
        samples.flatMap(({ nearest }) => marginsOf(nearest.slice(0, k))),
        WITHIN_MARGIN,
      ),
    ),
  }
}

const NO_REACH: IvfReach = { probes: [1, 1], depths: [1, 1] }
const NO_PLAN: IvfPlan = { unfiltered: NO_REACH, filtered: NO_REACH, margins: [0, 0] }

function forEach(measure: (k: number) => number): [number, number] {
  return [measure(MEASURED[0]), measure(MEASURED[1])]
}

/** How far to go to miss no more than that share of the nearest. */
function reachFor(
  ivf: Ivf,
  samples: readonly Sample[],
  missed: number,
  probesMin: number,
  space: Workspace,
): IvfReach {
  const probes = forEach((k) => {
    const ranks = samples.flatMap(({ nearest }) => nearest.slice(0, k).map((row) => row.listRank))
    const enough = quantile(ranks, 1 - missed * MISSED_BY_LISTS) + 1
    return Math.min(ivf.shape.lists, Math.max(probesMin, enough))
  })
  probes[1] = Math.max(...probes)
  const depths = forEach((k) => {
    const looked = probes[k === MEASURED[0] ? 0 : 1]
    for (const sample of samples) rankByCodes(ivf, sample, looked, k, space)
    const ranks = samples.flatMap(({ nearest }) =>
      nearest
        .slice(0, k)
        .map(({ codeRank, listRank }) => (listRank < looked ? codeRank : Infinity)),
    )
    return Math.min(ivf.count, quantile(ranks, 1 - missed * MISSED_BY_CODES) + 1)
  })
  depths[1] = Math.max(...depths)
  return { probes, depths }
}

function marginsOf(nearest: readonly Neighbour[]): number[] {
  const worst = nearest.at(-1)?.key ?? 0
  return nearest.map(({ listKey }) => worst - listKey)
}

/** Makes queries of rows: adds noise of some part of what separates the row from its centroid. */
function moverOf(
  { centroids, lists, shape, origin }: Ivf,
  { dimensions, floats, metric }: VectorRows,
  random: () => number,
): (row: number) => Float32Array {
  const point = new Float32Array(dimensions)
  return (row) => {
    const length = writePoint(metric, floats, row * dimensions, dimensions, origin, point)
    const from = (lists[row] as number) * shape.width
    let squares = 0
    for (let j = 0; j < dimensions; j++)
      squares += ((point[j] as number) - (centroids[from + j] as number)) ** 2
    const noise = NOISE * Math.sqrt(squares / dimensions) * (metric === 'cosine' ? length : 1)
    return Float32Array.from(point, (_, j) => {
      const gauss = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
      return (floats[row * dimensions + j] as number) + gauss * noise
    })
  }
}

function sampleAt(ivf: Ivf, vector: Float32Array, self: number, space: Workspace): Sample {
  const query = prepareQuery(ivf, vector, space)
  const keys = allKeys(ivf, query, space)
  keys[self] = Number.NEGATIVE_INFINITY
  const best = greatest(keys, Math.min(MEASURED[1], ivf.count - 1))
  const ranks = ranksOf(space.listKeys)
  const listOf = (position: number): number => ivf.lists[ivf.order[position] as number] as number
  const unit = ivf.metric === 'dot' && query.length > 0 ? query.length : 1
  const nearest = best.map((position) => ({
    key: (keys[position] as number) / unit,
    listKey: (space.listKeys[listOf(position)] as number) / unit,
    listRank: ranks[listOf(position)] as number,
    codeRank: 0,
    position,
  }))
  return { vector, self, nearest }
}

/** The keys of all positions by their int8 rows. */
function allKeys(ivf: Ivf, query: IvfQuery, space: Workspace): Float32Array {
  const keys = new Float32Array(ivf.count)
  for (let from = 0; from < ivf.count; from += PIECE_ROWS) {
    const count = Math.min(PIECE_ROWS, ivf.count - from)
    for (let i = 0; i < count; i++) space.positions[i] = from + i
    rescore(ivf, query, count, space)
    keys.set(space.keys.subarray(0, count), from)
  }
  return keys
}

/** Writes how many rows of the first lists have a greater key by their codes than each of the k nearest. */
function rankByCodes(
  ivf: Ivf,
  { vector, self, nearest }: Sample,
  probes: number,
  k: number,
  space: Workspace,
): void {
  const query = prepareQuery(ivf, vector, space)
  const ranked = new ListsInOrder(space.listKeys)
  const pieces = Array.from({ length: probes }, (_, rank) => piecesOf(ivf, ranked.at(rank))).flat()
  const keys = new Float32Array(pieces.reduce((sum, { count }) => sum + count, 0))
  const keyAt = new Map<number, number>()
  let at = 0
  for (const { list, from, count } of pieces) {
    scanCodes(ivf, query, list, from, count, space)
    keys.set(space.keys.subarray(0, count), at)
    for (const { position } of [...nearest.slice(0, k), { position: self }])
      if (position >= from && position < from + count)
        keyAt.set(position, keys[at + position - from] as number)
    at += count
  }
  const rising = keys.sort()
  const own = keyAt.get(self) ?? Number.NEGATIVE_INFINITY
  for (const neighbour of nearest.slice(0, k)) {
    const key = keyAt.get(neighbour.position) ?? Number.POSITIVE_INFINITY
    neighbour.codeRank = countGreater(rising, key) - (own > key ? 1 : 0)
  }
}

function ranksOf(listKeys: Float32Array): Int32Array {
  const ranked = new ListsInOrder(listKeys)
  const ranks = new Int32Array(listKeys.length)
  for (let rank = 0; rank < ranks.length; rank++) ranks[ranked.at(rank)] = rank
  return ranks
}

/** The positions of the greatest keys, best first. */
function greatest(keys: Float32Array, count: number): readonly number[] {
  const top = new TopK(count, (position, other) => position < other)
  for (let position = 0; position < keys.length; position++)
    top.add(keys[position] as number, position)
  return top.best().rows
}

/** The least of the numbers that at least this share of them does not exceed; 0 where there are none. */
function quantile(numbers: readonly number[], share: number): number {
  const sorted = Float64Array.from(numbers).sort()
  const at = Math.ceil(sorted.length * share) - 1
  return sorted[Math.max(0, Math.min(at, sorted.length - 1))] ?? 0
}

function countGreater(rising: Float32Array, value: number): number {
  return rising.length - 1 - lastUpTo(rising, value)
}
