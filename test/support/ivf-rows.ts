import { addRow, type Bitmap, countRows, emptyBitmap } from '../../adapters/stores/local/bitmap.ts'
import type { DenseSegment, VectorRows } from '../../adapters/stores/local/dense/dense-segment.ts'
import type { Found, RowSearch } from '../../adapters/stores/local/found.ts'
import { buildIvfPq, type IvfPqSettings } from '../../adapters/stores/local/ivf/build-ivf-pq.ts'
import { type IvfPqOptions, openIvfPq } from '../../adapters/stores/local/ivf/open-ivf-pq.ts'
import { placeBlocks } from '../../adapters/stores/local/ivf/place-blocks.ts'
import { workMemory } from '../../adapters/stores/local/ivf/work-memory.ts'
import { oracle } from './hnsw-rows.ts'

const isBefore = (row: number, other: number): boolean => row < other

export function all(rows: VectorRows, k: number): RowSearch {
  return { k, allowed: null, allowedCount: rows.count, floor: Number.NEGATIVE_INFINITY, isBefore }
}

export function only(allowed: Bitmap, k: number): RowSearch {
  const allowedCount = countRows(allowed)
  return { k, allowed, allowedCount, floor: Number.NEGATIVE_INFINITY, isBefore }
}

export function bitmapOf(count: number, isIn: (row: number) => boolean): Bitmap {
  const bitmap = emptyBitmap(count)
  for (let row = 0; row < count; row++) if (isIn(row)) addRow(bitmap, row)
  return bitmap
}

/** Builds a segment and opens it over a memory of its own. */
export function ivfOver(
  rows: VectorRows,
  settings: IvfPqSettings,
  floatsAt?: IvfPqOptions['floatsAt'],
): DenseSegment {
  const { kernels, u8 } = workMemory({ scalar: settings.scalar })
  const blocks = placeBlocks(buildIvfPq(rows, settings), u8)
  return openIvfPq(blocks, { ...rows, kernels, floatsAt })
}

export async function find(
  segment: DenseSegment,
  query: Float32Array,
  search: RowSearch,
): Promise<Found> {
  return await segment.search(query, search, new AbortController().signal)
}

/** The share of the exact answers that the segment gives. */
export async function recall(
  segment: DenseSegment,
  rows: VectorRows,
  queries: readonly Float32Array[],
  search: RowSearch,
): Promise<number> {
  let hits = 0
  let wanted = 0
  for (const query of queries) {
    const exact = new Set(oracle(rows, query, search))
    const found = await find(segment, query, search)
    for (const row of found.rows) if (exact.has(row)) hits += 1
    wanted += exact.size
  }
  return hits / wanted
}
