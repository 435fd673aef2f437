import { isTurnOver, nextTurn } from '../../../../src/core/turns.ts'
import type { Metric } from '../../../../src/core/vector-store.ts'
import { hasRow } from '../bitmap.ts'
import type { DenseSegment } from '../dense/dense-segment.ts'
import type { RoundedRows } from '../dense/scan-codes.ts'
import { type Found, NOTHING_FOUND, type RowSearch } from '../found.ts'
import { type ExactQuery, exactQuery, exactScore } from './exact-scores.ts'
import type { Graph, Neighbours, ReadVectors } from './graph.ts'
import type { HnswSpec } from './hnsw-spec.ts'
import { baseWidth, firstWidth, isScanBetter, widerThan } from './plan.ts'

/** The `count` best allowed rows by rounded scores: the first pass of an exact scan. */
export type ScanRows = (
  query: Float32Array,
  search: RowSearch,
  count: number,
  signal: AbortSignal,
) => Promise<RoundedRows>

export interface HnswParts {
  readonly graph: Graph
  readonly spec: HnswSpec
  readonly metric: Metric
  readonly scanRows: ScanRows
  readonly readVectors: ReadVectors
}

export interface HnswSegment extends DenseSegment {
  readonly kind: 'hnsw'
  /** Of native memory. */
  readonly bytes: number
}

/**
 * Searches the graph where many rows are allowed and all of them where few are. Deleted rows are not marked in the
 * graph, which stays what its file is: they are left out as a filter leaves rows out.
 */
export function hnswSegment(parts: HnswParts): HnswSegment {
  return {
    kind: 'hnsw',
    bytes: parts.graph.bytes,
    search: (query, search, signal) => searchSegment(parts, query, search, signal),
    close: () => parts.graph.close(),
  }
}

async function searchSegment(
  parts: HnswParts,
  vector: Float32Array,
  search: RowSearch,
  signal: AbortSignal,
): Promise<Found> {
  signal.throwIfAborted()
  const { k, allowedCount } = search
  if (k <= 0 || allowedCount === 0) return NOTHING_FOUND
  const query = exactQuery(parts.metric, vector)
  const scored =
    search.allowed === null
      ? await searchAll(parts, query, search, signal)
      : await searchAllowed(parts, query, search, signal)
  return rank(scored ?? (await scan(parts, query, search, signal)), search)
}

interface Scored {
  readonly rows: readonly number[]
  readonly scores: readonly number[]
}

/** Null where the graph did not lead to k rows though there are so many. */
async function searchAll(
  parts: HnswParts,
  query: ExactQuery,
  { k }: RowSearch,
  signal: AbortSignal,
): Promise<Scored | null> {
  const { graph, spec } = parts
  const width = baseWidth(spec, k, graph.rows)
  const depth = Math.min(width, headOf(k))
  let near = await graph.nearest(query.vector, width, depth)
  if (tiesGoOn(near, k)) near = await graph.nearest(query.vector, width, width)
  if (near.rows.length < Math.min(k, graph.rows)) return null
  return await withScores(parts, query, near, null, headOf(k), signal)
}

/** Widens the search until as many allowed rows were seen as half a search without a filter sees; null to scan. */
async function searchAllowed(
  parts: HnswParts,
  query: ExactQuery,
  search: RowSearch,
  signal: AbortSignal,
): Promise<Scored | null> {
  const { graph, spec } = parts
  const base = baseWidth(spec, search.k, graph.rows)
  const needed = Math.max(search.k, base / 2)
  let width = firstWidth(base, graph.rows, search)
  while (!isScanBetter(width, base, search.allowedCount)) {
    const near = await graph.nearest(query.vector, width, width)
    const seen = countAllowed(near.rows, search.allowed)
    if (seen >= needed)
      return await withScores(parts, query, near, search.allowed, headOf(search.k), signal)
    width = widerThan(width, base, seen, graph.rows)
    if (isTurnOver()) await nextTurn(signal)
  }
  return null
}

/** Scores the k best by their codes, and of the others those that may be among the best. */
async function scan(
  parts: HnswParts,
  query: ExactQuery,
  search: RowSearch,
  signal: AbortSignal,
): Promise<Scored> {
  const { k, floor } = search
  const { rows, scoresMax } = await parts.scanRows(query.vector, search, headOf(k), signal)
  const first = await scoreRows(parts, query, rows.slice(0, k), signal)
  const least = first.scores.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const bar = Math.max(floor, least)
  const rest = rows.filter((_, i) => i >= k && (scoresMax[i] as number) >= bar)
  const more = await scoreRows(parts, query, rest, signal)
  return { rows: [...first.rows, ...more.rows], scores: [...first.scores, ...more.scores] }
}

/** How many of the rows with rounded scores are scored exactly: twice k and 10 lose nothing that can be measured. */
function headOf(k: number): number {
  return 2 * k + 10
}

/** Exact scores are taken as they are; else the first `head` allowed rows are scored. */
async function withScores(
  parts: HnswParts,
  query: ExactQuery,
  { rows: near, scores: exact }: Neighbours,
  allowed: Uint32Array | null,
  head: number,
  signal: AbortSignal,
): Promise<Scored> {
  const rows: number[] = []
  const scores: number[] = []
  for (let i = 0; i < near.length; i++) {
    const row = near[i] as number
    if (allowed !== null && !hasRow(allowed, row)) continue
    if (exact === null && rows.length === head) break
    rows.push(row)
    if (exact !== null) scores.push(exact[i] as number)
  }
  return exact === null ? await scoreRows(parts, query, rows, signal) : { rows, scores }
}

async function scoreRows(
  { readVectors }: HnswParts,
  query: ExactQuery,
  rows: readonly number[],
  signal: AbortSignal,
): Promise<Scored> {
  const floats = await readVectors(rows, signal)
  const dimensions = query.vector.length
  const scores: number[] = []
  for (let i = 0; i < rows.length; i++) {
    scores.push(exactScore(query, floats, i * dimensions))
    if (isTurnOver()) await nextTurn(signal)
  }
  return { rows, scores }
}

function rank({ rows, scores }: Scored, { k, floor, isBefore }: RowSearch): Found {
  const order: number[] = []
  for (let i = 0; i < rows.length; i++) if ((scores[i] as number) >= floor) order.push(i)
  order.sort((a, b) => {
    const difference = (scores[b] as number) - (scores[a] as number)
    if (difference !== 0) return difference
    return isBefore(rows[a] as number, rows[b] as number) ? -1 : 1
  })
  const best = order.slice(0, k)
  return {
    rows: best.map((i) => rows[i] as number),
    scores: best.map((i) => scores[i] as number),
    complete: true,
  }
}

/** Whether the last row that was fetched has the score of the k-th, so that others may have it too. */
function tiesGoOn({ rows, scores }: Neighbours, k: number): boolean {
  return scores !== null && rows.length > k && scores[k - 1] === scores[rows.length - 1]
}

function countAllowed(rows: ArrayLike<number>, allowed: Uint32Array | null): number {
  if (allowed === null) return rows.length
  let count = 0
  for (let i = 0; i < rows.length; i++) if (hasRow(allowed, rows[i] as number)) count += 1
  return count
}
