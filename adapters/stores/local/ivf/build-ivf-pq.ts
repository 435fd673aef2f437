import type { Blocks } from '../blocks.ts'
import type { VectorRows } from '../dense/dense-segment.ts'
import { planFor } from './calibrate.ts'
import { encode } from './encode.ts'
import { planBlock, shapeBlock } from './index-of-lists.ts'
import { meanOf } from './point.ts'
import { randomOf } from './random.ts'
import { type IvfAsked, shapeFor } from './shape.ts'
import { trainLists } from './train-lists.ts'
import type { WorkSettings } from './work-memory.ts'

export interface IvfPqSettings extends IvfAsked, WorkSettings {
  /** Lists to look into at least; more where the vectors need more for the recall. */
  readonly probes?: number | undefined
  /** Share of the ten, and of the hundred, nearest rows that a search is to find. */
  readonly targetRecall?: number | undefined
  /** The same rows, settings and seed give the same blocks. */
  readonly seed?: number | undefined
}

const TARGET_RECALL = 0.985

/** Trains lists and codebooks, encodes all rows, and measures how far searches must look. For worker threads. */
export function buildIvfPq(rows: VectorRows, settings: IvfPqSettings): Blocks {
  const { count, dimensions, metric, floats } = rows
  const { seed = 1, targetRecall = TARGET_RECALL, probes = 1, scalar } = settings
  const random = randomOf(seed)
  const shape = shapeFor(count, dimensions, settings)
  const origin = metric === 'l2' ? meanOf(floats, count, dimensions) : null
  const lists = trainLists(rows, shape, origin, random, { scalar })
  const blocks: Blocks = {
    shape: shapeBlock(shape),
    ...encode(rows, shape, origin, lists, random, { scalar }),
  }
  const plan = planFor(rows, blocks, { targetRecall, probes }, random, { scalar })
  return { ...blocks, plan: planBlock(plan) }
}
