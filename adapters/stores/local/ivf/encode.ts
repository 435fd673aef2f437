import type { Blocks } from '../blocks.ts'
import type { VectorRows } from '../dense/dense-segment.ts'
import { type Codebooks, encodeSubvectors, trainCodebooks, trainingRows } from './codebooks.ts'
import { writePoint } from './point.ts'
import { sampleOf } from './random.ts'
import {
  BLOCK_ROWS,
  blockBytes,
  codeBytes,
  codeStarts,
  codesOf,
  type IvfShape,
  paddedWidth,
} from './shape.ts'
import type { TrainedLists } from './train-lists.ts'
import { type WorkSettings, workMemory } from './work-memory.ts'

const CHUNK_ROWS = 2_048
const CODE_MAX = 127

/** What is to be encoded. */
interface Source {
  readonly rows: VectorRows
  readonly shape: IvfShape
  readonly origin: Float32Array | null
  readonly trained: TrainedLists
}

/** All blocks but shape and plan: see `Ivf` for what each is. */
export function encode(
  rows: VectorRows,
  shape: IvfShape,
  origin: Float32Array | null,
  trained: TrainedLists,
  random: () => number,
  settings: WorkSettings,
): Blocks {
  const source = { rows, shape, origin, trained }
  const work = workMemory(settings)
  const { count } = rows
  const padded = paddedWidth(shape)
  const sample = sampleOf(count, trainingRows(shape), random)
  const training = work.f32(sample.length * padded)
  for (let i = 0; i < sample.length; i++)
    writeResidual(source, sample[i] as number, training.subarray(i * padded, (i + 1) * padded))
  const books = trainCodebooks(work, training, sample.length, shape, random)
  const chunk = work.f32(CHUNK_ROWS * padded)
  const chosen = work.u8(CHUNK_ROWS * shape.subvectors)
  const decoded = new Float32Array(padded)
  const codes = codeWriter(shape, trained.starts)
  const points = pointWriter(source)
  for (let from = 0; from < count; from += CHUNK_ROWS) {
    const size = Math.min(CHUNK_ROWS, count - from)
    for (let i = 0; i < size; i++) {
      const into = chunk.subarray(i * padded, (i + 1) * padded)
      writeResidual(source, trained.order[from + i] as number, into)
    }
    encodeSubvectors(work, chunk, size, shape, books, chosen)
    for (let i = 0; i < size; i++) {
      const own = chosen.subarray(i * shape.subvectors, (i + 1) * shape.subvectors)
      codes.write(from + i, own)
      writeDecoded(shape, books, own, decoded)
      points.write(from + i, chunk.subarray(i * padded, (i + 1) * padded), decoded)
    }
  }
  return { ...listBlocks(source, books), ...points.blocks, codes: codes.bytes }
}

function listBlocks({ rows, shape, origin, trained }: Source, books: Codebooks): Blocks {
  const { centroids, starts, order, lists } = trained
  const positions = new Int32Array(order.length)
  for (let at = 0; at < order.length; at++) positions[order[at] as number] = at
  const offsets = new Float32Array(shape.lists)
  if (rows.metric === 'l2')
    for (let list = 0; list < shape.lists; list++)
      offsets[list] = squaresOf(centroids, list * shape.width, shape.width) / 2
  return {
    centroids,
    offsets,
    starts,
    order,
    positions,
    lists,
    codebooks: books.codes.slice(),
    ...(origin === null ? {} : { origin }),
  }
}

function writeResidual(
  { rows, origin, shape, trained }: Source,
  row: number,
  into: Float32Array,
): void {
  const { metric, floats, dimensions } = rows
  writePoint(metric, floats, row * dimensions, dimensions, origin, into)
  const from = (trained.lists[row] as number) * shape.width
  for (let j = 0; j < dimensions; j++)
    into[j] = (into[j] as number) - (trained.centroids[from + j] as number)
}

/** The int8 rows. */
function pointWriter({ rows, shape, trained }: Source) {
  const { count, dimensions, metric } = rows
  const { width } = shape
  const { centroids, lists, order } = trained
  const residuals = new Int8Array(count * width)
  const multipliers = new Float32Array(count)
  const biases = metric === 'l2' ? new Float32Array(count) : null
  return {
    blocks: { residuals, multipliers, ...(biases === null ? {} : { biases }) } satisfies Blocks,
    /** `decoded` is what the codes say of the residual. */
    write(position: number, residual: Float32Array, decoded: Float32Array): void {
      const at = position * width
      const step = Math.fround(largestGap(residual, decoded, dimensions) / CODE_MAX)
      multipliers[position] = step
      if (step > 0)
        for (let j = 0; j < dimensions; j++)
          residuals[at + j] = Math.round(((residual[j] as number) - (decoded[j] as number)) / step)
      if (biases === null) return
      const centroid = (lists[order[position] as number] as number) * width
      let bias = 0
      for (let j = 0; j < dimensions; j++) {
        const part = (decoded[j] as number) + (residuals[at + j] as number) * step
        bias += part * ((centroids[centroid + j] as number) + part / 2)
      }
      biases[position] = bias
    },
  }
}

function writeDecoded(
  shape: IvfShape,
  { codes }: Codebooks,
  chosen: Uint8Array,
  into: Float32Array,
): void {
  const { subvectors, subDimensions } = shape
  const step = codesOf(shape)
  for (let s = 0; s < subvectors; s++) {
    const from = s * subDimensions
    for (let j = 0; j < subDimensions; j++)
      into[from + j] = codes[(from + j) * step + (chosen[s] as number)] as number
  }
}

/** Packs the codes of a row as `scoreCodes8` or `scoreCodes4` reads them. */
function codeWriter(shape: IvfShape, starts: Int32Array) {
  const ends = codeStarts(shape, starts)
  const bytes = new Uint8Array(ends.at(-1) ?? 0)
  let list = 0
  return {
    bytes,
    /** Positions come in ascending order. */
    write(position: number, codes: Uint8Array): void {
      while (position >= (starts[list + 1] as number)) list++
      const row = position - (starts[list] as number)
      const start = ends[list] as number
      if (shape.bits === 8) {
        bytes.set(codes, start + row * codeBytes(shape))
        return
      }
      let at = start + Math.floor(row / BLOCK_ROWS) * blockBytes(shape) + (row % BLOCK_ROWS)
      for (let s = 0; s < codes.length; s += 2) {
        bytes[at] = (codes[s] as number) | ((codes[s + 1] ?? 0) << 4)
        at += BLOCK_ROWS
      }
    },
  }
}

function largestGap(a: Float32Array, b: Float32Array, count: number): number {
  let largest = 0
  for (let j = 0; j < count; j++)
    largest = Math.max(largest, Math.abs((a[j] as number) - (b[j] as number)))
  return largest
}

function squaresOf(numbers: Float32Array, from: number, count: number): number {
  let squares = 0
  for (let at = from; at < from + count; at++) squares += (numbers[at] as number) ** 2
  return squares
}
