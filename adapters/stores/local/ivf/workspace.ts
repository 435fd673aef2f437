import type { Kernels } from '../memory/kernels.ts'
import { codeBytes, codesOf, type IvfShape, paddedWidth } from './shape.ts'

/** Rows of one kernel call: some tens of microseconds. A multiple of 32. */
export const PIECE_ROWS = 2_048

/** Where one search writes its query and finds what the kernels answer; `room` holds all of it but `listKeys`. */
export interface Workspace {
  readonly room: Uint8Array
  readonly query: Float32Array
  readonly query16: Int16Array
  /** [subvector][code]; with 4 bits they are rounded to `tables4` before they are used. */
  readonly tables: Float32Array
  readonly tables4: Uint8Array
  /** Of centroids, rows or positions. */
  readonly keys: Float32Array
  readonly positions: Int32Array
  /** Where the codes of the positions begin, and what their table entries come to. */
  readonly addresses: Uint32Array
  readonly codeKeys: Float32Array
  /** Scores of the positions' centroids. */
  readonly bases: Float32Array
  /** Score of each centroid. */
  readonly listKeys: Float32Array
  /** Rows of the list at hand that are allowed, counted from its first one. */
  readonly allowed: Int32Array
}

export function openWorkspace(kernels: Kernels, shape: IvfShape): Workspace {
  const padded = paddedWidth(shape)
  const tables = tableSize(shape)
  const perRow = PIECE_ROWS * 4
  const sizes = [padded * 4, padded * 2, tables * 4, tables, perRow, perRow, perRow, perRow]
  const aligned = sizes.map((bytes) => Math.ceil(bytes / 64) * 64)
  const room = kernels.takeBytes(aligned.reduce((sum, bytes) => sum + bytes, 0))
  room.fill(0)
  const starts: number[] = []
  let at = room.byteOffset
  for (const bytes of aligned) {
    starts.push(at)
    at += bytes
  }
  const [query, query16, tables32, tables4, keys, positions, addresses, codeKeys] = starts
  const { buffer } = room
  return {
    room,
    query: new Float32Array(buffer, query, padded),
    query16: new Int16Array(buffer, query16, padded),
    tables: new Float32Array(buffer, tables32, tables),
    tables4: new Uint8Array(buffer, tables4, tables),
    keys: new Float32Array(buffer, keys, PIECE_ROWS),
    positions: new Int32Array(buffer, positions, PIECE_ROWS),
    addresses: new Uint32Array(buffer, addresses, PIECE_ROWS),
    codeKeys: new Float32Array(buffer, codeKeys, PIECE_ROWS),
    bases: new Float32Array(PIECE_ROWS),
    listKeys: new Float32Array(shape.lists),
    allowed: new Int32Array(PIECE_ROWS),
  }
}

/** Subvectors that only fill up have tables of zeros. */
function tableSize(shape: IvfShape): number {
  const subvectors = shape.bits === 8 ? codeBytes(shape) : Math.ceil(shape.subvectors / 2) * 2
  return subvectors * codesOf(shape)
}
