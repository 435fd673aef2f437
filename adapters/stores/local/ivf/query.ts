import type { Ivf } from './index-of-lists.ts'
import { writePoint } from './point.ts'
import { codesOf } from './shape.ts'
import { PIECE_ROWS, type Workspace } from './workspace.ts'

/** A sixteen-bit sum of two SIMD lanes' products must not overflow 32 bits; and more bits than these gain nothing. */
const QUERY_MAX = 8_191
const SUM_MAX = 2 ** 31 - 1
const CODE_MAX = 127
/** Entries of two subvectors are added in a byte. */
const ENTRY_MAX = 127
/** Of a row's entries, in sixteen bits. */
const ENTRIES_MAX = 65_535

/**
 * A query of one segment. Its keys order rows: the dot product with the point (for cosine and dot that is the score),
 * less half the point's squared length for l2.
 */
export interface IvfQuery {
  /** Length of the point that the query became: 1 for cosine. */
  readonly length: number
  /** One step of `query16`. */
  readonly step: number
  /** With 4 bits: one step of the tables' entries, and what the least entries come to. */
  readonly tableStep: number
  readonly tableBase: number
}

/** Writes the query and all that is computed once for it. */
export function prepareQuery(ivf: Ivf, vector: Float32Array, space: Workspace): IvfQuery {
  const { metric, dimensions, origin, shape } = ivf
  const length = writePoint(metric, vector, 0, dimensions, origin, space.query)
  const step = writeQuery16(space)
  scoreLists(ivf, space)
  ivf.kernels.run.scoreCodebooks(
    ivf.codebooks.byteOffset,
    shape.subvectors,
    shape.subDimensions,
    codesOf(shape),
    space.query.byteOffset,
    space.tables.byteOffset,
  )
  const { tableStep, tableBase } =
    shape.bits === 4 ? roundTables(shape.subvectors, space) : { tableStep: 0, tableBase: 0 }
  return { length: metric === 'cosine' ? 1 : length, step, tableStep, tableBase }
}

/** The score that a key stands for. */
export function scoreOfKey({ metric }: Ivf, { length }: IvfQuery, key: number): number {
  switch (metric) {
    case 'cosine':
      return Math.max(-1, Math.min(key, 1))
    case 'dot':
      return key
    case 'l2':
      return -Math.sqrt(Math.max(0, length * length - 2 * key))
  }
}

function writeQuery16({ query, query16 }: Workspace): number {
  let largest = 0
  let sum = 0
  for (let j = 0; j < query.length; j++) {
    const size = Math.abs(query[j] as number)
    largest = Math.max(largest, size)
    sum += size
  }
  if (largest === 0) {
    query16.fill(0)
    return 0
  }
  const scale = Math.min(QUERY_MAX / largest, (SUM_MAX / CODE_MAX - query.length) / sum)
  for (let j = 0; j < query.length; j++) query16[j] = Math.floor((query[j] as number) * scale + 0.5)
  return 1 / scale
}

function scoreLists({ centroids, offsets, shape, kernels }: Ivf, space: Workspace): void {
  const { lists, width } = shape
  for (let from = 0; from < lists; from += PIECE_ROWS) {
    const count = Math.min(PIECE_ROWS, lists - from)
    kernels.run.scoreRows(
      centroids.byteOffset + from * width * 4,
      offsets.byteOffset + from * 4,
      count,
      width,
      space.query.byteOffset,
      space.keys.byteOffset,
    )
    space.listKeys.set(space.keys.subarray(0, count), from)
  }
}

/** Entries from 0 up, by one step for all tables, so that they can be summed as integers. */
function roundTables(
  subvectors: number,
  { tables, tables4 }: Workspace,
): { tableStep: number; tableBase: number } {
  let widest = 0
  let sum = 0
  let base = 0
  for (let s = 0; s < subvectors; s++) {
    const { least, most } = rangeOf(tables, s)
    widest = Math.max(widest, most - least)
    sum += most - least
    base += least
  }
  if (widest === 0) {
    tables4.fill(0)
    return { tableStep: 0, tableBase: base }
  }
  const scale = Math.min(ENTRY_MAX / widest, (ENTRIES_MAX - subvectors) / sum)
  for (let s = 0; s < subvectors; s++) {
    const { least } = rangeOf(tables, s)
    for (let at = s * 16; at < s * 16 + 16; at++)
      tables4[at] = Math.floor(((tables[at] as number) - least) * scale + 0.5)
  }
  return { tableStep: 1 / scale, tableBase: base }
}

function rangeOf(tables: Float32Array, s: number): { least: number; most: number } {
  let least = tables[s * 16] as number
  let most = least
  for (let at = s * 16 + 1; at < s * 16 + 16; at++) {
    const entry = tables[at] as number
    if (entry < least) least = entry
    if (entry > most) most = entry
  }
  return { least, most }
}
