import { QuarryError } from '../../../../src/core/errors.ts'
import type { BlockReader } from '../blocks.ts'
import type { Kernels } from '../memory/kernels.ts'
import { type CodeRows, strideOf } from './encode-row.ts'

/** Rows that lie in one memory. */
export interface CodeBlock extends CodeRows {
  readonly count: number
  readonly dimensions: number
  readonly kernels: Kernels
}

/** Rows that can be searched exactly: their codes for the first pass, their floats for the second. */
export interface FlatBlock extends CodeBlock {
  readonly floats: Float32Array
}

export interface BlockFacts {
  readonly count: number
  readonly dimensions: number
  /** Of the memory that the arrays lie in. */
  readonly kernels: Kernels
}

/** @throws QuarryError `internal` where an array has not the length that these facts ask for, or lies in another memory */
export function readCodes(
  blocks: BlockReader,
  { count, dimensions, kernels }: BlockFacts,
): CodeBlock {
  const stride = strideOf(dimensions)
  return {
    count,
    dimensions,
    kernels,
    stride,
    codes: checked('codes', blocks.i8('codes'), count * stride, kernels),
    multipliers: checked('multipliers', blocks.f64('multipliers'), count, kernels),
    addends: checked('addends', blocks.f64('addends'), count, kernels),
    errors: checked('errors', blocks.f64('errors'), count, kernels),
    norms: checked('norms', blocks.f64('norms'), count, kernels),
  }
}

/** @throws QuarryError `internal`, as `readCodes` does */
export function readFlat(blocks: BlockReader, facts: BlockFacts): FlatBlock {
  const { count, dimensions, kernels } = facts
  const floats = checked('floats', blocks.f32('floats'), count * dimensions, kernels)
  return { ...readCodes(blocks, facts), floats }
}

/** Kernels are given addresses, so what they read must lie in their memory. */
function checked<Data extends ArrayBufferView & { readonly length: number }>(
  name: string,
  data: Data,
  length: number,
  kernels: Kernels,
): Data {
  if (data.length !== length)
    throw new QuarryError('internal', `the block ${name} has ${data.length} numbers, not ${length}`)
  kernels.addressOf(data)
  return data
}
