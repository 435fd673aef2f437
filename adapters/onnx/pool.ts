import type { Pooling } from './protocol.ts'
import type { Output, Row } from './session.ts'

/** One vector a row out of its tokens' vectors; an output that has one a row already is taken as it is. */
export function poolRow(output: Output, place: number, row: Row, pooling: Pooling): Float32Array {
  const { dims, data } = output
  if (dims.length === 2) {
    const width = dims[1] ?? 0
    return data.slice(place * width, (place + 1) * width)
  }
  const [, length = 0, width = 0] = dims
  const at = place * length
  const tokens = row.ids.length
  if (pooling === 'cls') return data.slice(at * width, (at + 1) * width)
  if (pooling === 'last') return data.slice((at + tokens - 1) * width, (at + tokens) * width)
  const mean = new Float32Array(width)
  for (let token = 0; token < tokens; token += 1) {
    const from = (at + token) * width
    for (let i = 0; i < width; i += 1) mean[i] = (mean[i] as number) + (data[from + i] as number)
  }
  return scale(mean, 1 / tokens)
}

export function unit(vector: Float32Array): Float32Array {
  let squares = 0
  for (const value of vector) squares += value * value
  return squares > 0 ? scale(vector, 1 / Math.sqrt(squares)) : vector
}

function scale(vector: Float32Array, factor: number): Float32Array {
  for (let i = 0; i < vector.length; i += 1) vector[i] = (vector[i] as number) * factor
  return vector
}
