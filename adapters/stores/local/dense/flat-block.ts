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

/** @throws QuarryError `internal` where an array has not the length that these facts ask for */
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
    codes: ofLength('codes', blocks.i8('codes'), count * stride),
    multipliers: ofLength('multipliers', blocks.f64('multipliers'), count),
    addends: ofLength('addends', blocks.f64('addends'), count),
    errors: ofLength('errors', blocks.f64('errors'), count),
    norms: ofLength('norms', blocks.f64('norms'), count),
  }
}

/** @throws QuarryError `internal`, as `readCodes` does */
export function readFlat(blocks: BlockReader, facts: BlockFacts): FlatBlock {
  const floats = ofLength('floats', blocks.f32('floats'), facts.count * facts.dimensions)
  return { ...readCodes(blocks, facts), floats }
}

function ofLength<Data extends { readonly length: number }>(
  name: string,
  data: Data,
  length: number,
): Data {
  if (data.length === length) return data
  throw new QuarryError('internal', `the block ${name} has ${data.length} numbers, not ${length}`)
}
