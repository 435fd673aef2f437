import type { Blocks } from '../blocks.ts'
import type { VectorRows } from './dense-segment.ts'
import { encodeRow, strideOf } from './encode-row.ts'

/** The codes of all rows and what goes with them, without the floats. */
export function encodeCodes({ count, dimensions, metric, floats }: VectorRows): Blocks {
  const stride = strideOf(dimensions)
  const rows = {
    stride,
    codes: new Int8Array(count * stride),
    multipliers: new Float64Array(count),
    addends: new Float64Array(count),
    errors: new Float64Array(count),
    norms: new Float64Array(count),
  }
  for (let row = 0; row < count; row++) {
    const vector = floats.subarray(row * dimensions, (row + 1) * dimensions)
    encodeRow(rows, row, vector, metric)
  }
  const { codes, multipliers, addends, errors, norms } = rows
  return { codes, multipliers, addends, errors, norms }
}

/** All that an exact search needs. */
export function encodeRows(rows: VectorRows): Blocks {
  return { ...encodeCodes(rows), floats: rows.floats }
}
