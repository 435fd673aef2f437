import type { Metric } from '../../../../src/core/vector-store.ts'
import type { BlockReader } from '../blocks.ts'
import type { Kernels } from '../memory/kernels.ts'
import { codeStarts, type IvfShape } from './shape.ts'

export interface IvfFacts {
  readonly metric: Metric
  readonly dimensions: number
  readonly count: number
  readonly kernels: Kernels
}

/** How many lists to look into and how many rows to rescore, for ten and for a hundred results. */
export interface IvfReach {
  readonly probes: readonly [number, number]
  readonly depths: readonly [number, number]
}

export interface IvfPlan {
  readonly unfiltered: IvfReach
  /** Finds more, since filters can make a search harder than those that the plan was measured with. */
  readonly filtered: IvfReach
  /**
   * How far the centroid of one of the best rows scores below the worst of them, in all but a few cases; for dot in
   * lengths of the query.
   */
  readonly margins: readonly [number, number]
}

/** One segment's lists. Rows lie in list order; where one lies there is its position. */
export interface Ivf extends IvfFacts {
  readonly shape: IvfShape
  readonly plan: IvfPlan
  /** lists × width */
  readonly centroids: Float32Array
  /** What is taken off a centroid's dot product: half its squared length for l2, 0 for the others. */
  readonly offsets: Float32Array
  /** Position of each list's first row; the last number is the row count. */
  readonly starts: Int32Array
  /** Row at each position. */
  readonly order: Int32Array
  /** Position of each row. */
  readonly positions: Int32Array
  /** List of each row. */
  readonly lists: Uint16Array
  readonly codes: Uint8Array
  /** Byte at which each list's codes begin. */
  readonly codeStarts: Float64Array
  readonly codebooks: Float32Array
  /** What is left of each row without its centroid and codes, in int8: positions × width, times the multiplier. */
  readonly residuals: Int8Array
  readonly multipliers: Float32Array
  /** For l2, what is taken off each position's dot product: half of what its squared length exceeds its centroid's by. */
  readonly biases: Float32Array | null
  /** For l2, the rows' mean, from which everything is seen. */
  readonly origin: Float32Array | null
}

/**
 * The blocks' names are the fields' names. See `shapeBlock` and `planBlock` for what these two hold.
 * @throws QuarryError `internal` where a block is missing or lies outside the kernels' memory
 */
export function openIvf(blocks: BlockReader, facts: IvfFacts): Ivf {
  const shape = shapeOf(blocks.i32('shape'))
  const starts = blocks.i32('starts')
  const isL2 = facts.metric === 'l2'
  const ivf: Ivf = {
    ...facts,
    shape,
    plan: planOf(blocks.f64('plan')),
    centroids: blocks.f32('centroids'),
    offsets: blocks.f32('offsets'),
    starts,
    order: blocks.i32('order'),
    positions: blocks.i32('positions'),
    lists: blocks.u16('lists'),
    codes: blocks.u8('codes'),
    codeStarts: codeStarts(shape, starts),
    codebooks: blocks.f32('codebooks'),
    residuals: blocks.i8('residuals'),
    multipliers: blocks.f32('multipliers'),
    biases: isL2 ? blocks.f32('biases') : null,
    origin: isL2 ? blocks.f32('origin') : null,
  }
  checkMemory(ivf)
  return ivf
}

/** Kernels are given addresses: what they read must lie in their memory. */
function checkMemory({ kernels, ...ivf }: Ivf): void {
  const { centroids, offsets, codes, codebooks, residuals, multipliers } = ivf
  for (const array of [centroids, offsets, codes, codebooks, residuals, multipliers])
    kernels.addressOf(array)
}

export function shapeBlock(shape: IvfShape): Int32Array {
  const { lists, subvectors, subDimensions, bits, width } = shape
  return Int32Array.of(lists, subvectors, subDimensions, bits, width)
}

export function planBlock({ unfiltered, filtered, margins }: IvfPlan): Float64Array {
  return Float64Array.of(
    ...unfiltered.probes,
    ...unfiltered.depths,
    ...filtered.probes,
    ...filtered.depths,
    ...margins,
  )
}

function shapeOf(block: Int32Array): IvfShape {
  const [lists = 0, subvectors = 0, subDimensions = 0, bits = 0, width = 0] = block
  return { lists, subvectors, subDimensions, bits: bits === 8 ? 8 : 4, width }
}

function planOf(block: Float64Array): IvfPlan {
  const pair = (at: number): readonly [number, number] => [block[at] ?? 0, block[at + 1] ?? 0]
  return {
    unfiltered: { probes: pair(0), depths: pair(2) },
    filtered: { probes: pair(4), depths: pair(6) },
    margins: pair(8),
  }
}
