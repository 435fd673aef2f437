import { lastUpTo } from '../last-up-to.ts'
import type { Ivf } from './index-of-lists.ts'
import type { IvfQuery } from './query.ts'
import { BLOCK_ROWS, blockBytes, codeBytes } from './shape.ts'
import { PIECE_ROWS, type Workspace } from './workspace.ts'

/**
 * Writes to `space.keys` the approximate keys of `count` positions from `from` on, by their codes. All are of one list;
 * `from` is a whole number of pieces behind its start, and `count` a piece at most.
 */
export function scanCodes(
  ivf: Ivf,
  query: IvfQuery,
  list: number,
  from: number,
  count: number,
  space: Workspace,
): void {
  const { run } = ivf.kernels
  const key = space.listKeys[list] as number
  const rows = from - (ivf.starts[list] as number)
  const codes = ivf.codes.byteOffset + (ivf.codeStarts[list] as number)
  const keys = space.keys.byteOffset
  if (ivf.shape.bits === 8) {
    const bytes = codeBytes(ivf.shape)
    run.scoreCodes8(codes + rows * bytes, count, bytes, space.tables.byteOffset, key, keys)
  } else {
    const bytes = blockBytes(ivf.shape)
    run.scoreCodes4(
      codes + (rows / BLOCK_ROWS) * bytes,
      Math.ceil(count / BLOCK_ROWS),
      bytes / BLOCK_ROWS,
      space.tables4.byteOffset,
      query.tableStep,
      key + query.tableBase,
      keys,
    )
  }
  if (ivf.biases !== null) takeBiasesOff(space.keys, ivf.biases, from, count)
}

function takeBiasesOff(
  keys: Float32Array,
  biases: Float32Array,
  from: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) keys[i] = (keys[i] as number) - (biases[from + i] as number)
}

/**
 * Writes to `space.keys` the keys of the first `count` of `space.positions`, which must rise, by their codes and what
 * int8 adds to them.
 */
export function rescore(ivf: Ivf, query: IvfQuery, count: number, space: Workspace): void {
  const { residuals, multipliers, biases, shape } = ivf
  const { keys, codeKeys, positions, bases } = space
  scoreCodesAt(ivf, count, space)
  ivf.kernels.run.rescoreRows(
    residuals.byteOffset,
    multipliers.byteOffset,
    shape.width,
    positions.byteOffset,
    count,
    space.query16.byteOffset,
    query.step,
    keys.byteOffset,
  )
  for (let i = 0; i < count; i++) {
    const bias = biases === null ? 0 : (biases[positions[i] as number] as number)
    const code = (bases[i] as number) + (codeKeys[i] as number)
    keys[i] = code + (keys[i] as number) - bias
  }
}

function scoreCodesAt(ivf: Ivf, count: number, space: Workspace): void {
  const { run } = ivf.kernels
  const { addresses, codeKeys, tables } = space
  visitLists(ivf, count, space)
  if (ivf.shape.bits === 8)
    run.scoreCodesAt8(
      addresses.byteOffset,
      count,
      codeBytes(ivf.shape),
      tables.byteOffset,
      codeKeys.byteOffset,
    )
  else
    run.scoreCodesAt4(
      addresses.byteOffset,
      count,
      blockBytes(ivf.shape) / BLOCK_ROWS,
      tables.byteOffset,
      codeKeys.byteOffset,
    )
}

/** Writes where the positions' codes are and their lists' keys: list by list, so that nothing is looked up far apart. */
function visitLists(ivf: Ivf, count: number, space: Workspace): void {
  const { positions, addresses, bases, listKeys } = space
  const { starts, shape, codes, codeStarts } = ivf
  const rowBytes = codeBytes(shape)
  const bytes = blockBytes(shape)
  for (let i = 0; i < count; ) {
    const list = lastUpTo(starts, positions[i] as number)
    const start = starts[list] as number
    const end = starts[list + 1] as number
    const base = codes.byteOffset + (codeStarts[list] as number)
    const key = listKeys[list] as number
    for (; i < count && (positions[i] as number) < end; i++) {
      const row = (positions[i] as number) - start
      addresses[i] =
        base +
        (shape.bits === 8
          ? row * rowBytes
          : Math.floor(row / BLOCK_ROWS) * bytes + (row % BLOCK_ROWS))
      bases[i] = key
    }
  }
}

/** Positions of one list. */
export interface Piece {
  readonly list: number
  readonly from: number
  readonly count: number
}

/** A list in pieces: as many rows as a kernel takes at a time. */
export function piecesOf({ starts }: Ivf, list: number): Piece[] {
  const pieces: Piece[] = []
  const end = starts[list + 1] as number
  for (let from = starts[list] as number; from < end; from += PIECE_ROWS)
    pieces.push({ list, from, count: Math.min(PIECE_ROWS, end - from) })
  return pieces
}
