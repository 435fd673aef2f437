import { sampleOf } from './random.ts'
import { codesOf, type IvfShape, paddedWidth } from './shape.ts'
import type { WorkMemory } from './work-memory.ts'

const ROUNDS = 8
/** More rows for each code change the codebooks no further. */
const ROWS_PER_CODE = 64
const ROWS_MIN = 4_096

/** One codebook for each subvector: [subvector][dimension][code], and half of each code's squared length. */
export interface Codebooks {
  readonly codes: Float32Array
  readonly halves: Float32Array
}

export function trainingRows(shape: IvfShape): number {
  return Math.max(ROWS_MIN, codesOf(shape) * ROWS_PER_CODE)
}

/**
 * Product quantisation (Jégou, Douze, Schmid 2011): k-means of each subvector by itself, over `count` rows of
 * `paddedWidth` numbers in work memory. A code that loses all its rows moves to one of them.
 */
export function trainCodebooks(
  work: WorkMemory,
  rows: Float32Array,
  count: number,
  shape: IvfShape,
  random: () => number,
): Codebooks {
  const { subvectors, subDimensions } = shape
  const codes = codesOf(shape)
  const books = {
    codes: work.f32(subvectors * subDimensions * codes),
    halves: work.f32(subvectors * codes),
  }
  const chosen = work.u8(count)
  for (let s = 0; s < subvectors; s++) {
    const at = s * subDimensions * codes
    const book = books.codes.subarray(at, at + subDimensions * codes)
    const halves = books.halves.subarray(s * codes, (s + 1) * codes)
    const part = { rows, count, stride: paddedWidth(shape), from: s * subDimensions }
    begin(part, book, codes, random)
    writeHalves(book, halves)
    for (let round = 0; round < ROUNDS; round++) {
      encodePart(work, part, book, halves, chosen, 0, 1)
      moveToMeans(part, chosen, book, codes, random)
      writeHalves(book, halves)
    }
  }
  return books
}

/** Writes the codes of all subvectors of `count` rows, `step` bytes a row. */
export function encodeSubvectors(
  work: WorkMemory,
  rows: Float32Array,
  count: number,
  shape: IvfShape,
  books: Codebooks,
  chosen: Uint8Array,
): void {
  const { subvectors, subDimensions } = shape
  const codes = codesOf(shape)
  for (let s = 0; s < subvectors; s++) {
    const at = s * subDimensions * codes
    const book = books.codes.subarray(at, at + subDimensions * codes)
    const halves = books.halves.subarray(s * codes, (s + 1) * codes)
    const part = { rows, count, stride: paddedWidth(shape), from: s * subDimensions }
    encodePart(work, part, book, halves, chosen, s, subvectors)
  }
}

/** One subvector of many rows. */
interface Part {
  readonly rows: Float32Array
  readonly count: number
  readonly stride: number
  /** Where the subvector begins in a row. */
  readonly from: number
}

function encodePart(
  { kernels }: WorkMemory,
  { rows, count, stride, from }: Part,
  book: Float32Array,
  halves: Float32Array,
  chosen: Uint8Array,
  at: number,
  step: number,
): void {
  kernels.run.encodeRows(
    rows.byteOffset + from * 4,
    count,
    stride,
    book.length / halves.length,
    book.byteOffset,
    halves.byteOffset,
    halves.length,
    chosen.byteOffset + at,
    step,
  )
}

function begin(part: Part, book: Float32Array, codes: number, random: () => number): void {
  const drawn = sampleOf(part.count, codes, random)
  for (let c = 0; c < codes; c++) copyTo(book, codes, c, part, drawn[c % drawn.length] as number)
}

function copyTo(
  book: Float32Array,
  codes: number,
  code: number,
  { rows, stride, from }: Part,
  row: number,
): void {
  for (let j = 0; j * codes < book.length; j++)
    book[j * codes + code] = rows[row * stride + from + j] as number
}

function moveToMeans(
  part: Part,
  chosen: Uint8Array,
  book: Float32Array,
  codes: number,
  random: () => number,
): void {
  const { rows, count, stride, from } = part
  const dimensions = book.length / codes
  const sums = new Float64Array(book.length)
  const sizes = new Int32Array(codes)
  for (let row = 0; row < count; row++) {
    const code = chosen[row] as number
    sizes[code] = (sizes[code] as number) + 1
    for (let j = 0; j < dimensions; j++)
      sums[j * codes + code] =
        (sums[j * codes + code] as number) + (rows[row * stride + from + j] as number)
  }
  for (let code = 0; code < codes; code++) {
    const size = sizes[code] as number
    if (size === 0) copyTo(book, codes, code, part, Math.floor(random() * count))
    else
      for (let j = 0; j < dimensions; j++)
        book[j * codes + code] = (sums[j * codes + code] as number) / size
  }
}

function writeHalves(book: Float32Array, halves: Float32Array): void {
  for (let code = 0; code < halves.length; code++) {
    let squares = 0
    for (let at = code; at < book.length; at += halves.length) squares += (book[at] as number) ** 2
    halves[code] = squares / 2
  }
}
