import { QuarryError } from '../../../src/core/errors.ts'
import type { DenseSpec, Metric } from '../../../src/core/vector-store.ts'

/** Numbers in one page, 4 MiB. */
const PAGE_NUMBERS = 2 ** 20
const FIRST_ROWS = 16

/** A shard's vectors by row, in pages, so that growing never copies more than the first page. */
export class Vectors {
  readonly #dimensions: number
  readonly #scoreAt: ScoreAt
  readonly #rowsPerPage: number
  readonly #pages: Float32Array[] = []
  readonly #norms: number[] = []

  constructor({ dimensions, metric }: DenseSpec) {
    this.#dimensions = dimensions
    this.#scoreAt = SCORES[metric]
    this.#rowsPerPage = Math.max(64, Math.floor(PAGE_NUMBERS / dimensions))
  }

  get bytes(): number {
    return this.#pages.reduce((sum, page) => sum + page.byteLength, this.#norms.length * 8)
  }

  set(row: number, vector: Float32Array): void {
    const page = this.#pageFor(row)
    page.set(vector, (row % this.#rowsPerPage) * this.#dimensions)
    this.#norms[row] = Math.sqrt(dotAt(vector, 0, vector))
  }

  /** Higher is nearer, for every metric. */
  scorer(query: Float32Array): (row: number) => number {
    const norm = Math.sqrt(dotAt(query, 0, query))
    return (row) => {
      const page = this.#pages[Math.floor(row / this.#rowsPerPage)]
      if (page === undefined) return Number.NEGATIVE_INFINITY
      const offset = (row % this.#rowsPerPage) * this.#dimensions
      return this.#scoreAt(page, offset, query, norm * (this.#norms[row] ?? 1))
    }
  }

  /** The first page grows by doubling, since most tenants are small; the others are made whole. */
  #pageFor(row: number): Float32Array {
    const at = Math.floor(row / this.#rowsPerPage)
    const page = this.#pages[at]
    const rows = at > 0 ? this.#rowsPerPage : Math.min(this.#rowsPerPage, roomFor(row + 1))
    if (page !== undefined && page.length >= rows * this.#dimensions) return page
    const larger = new Float32Array(rows * this.#dimensions)
    if (page !== undefined) larger.set(page)
    this.#pages[at] = larger
    return larger
  }
}

function roomFor(rows: number): number {
  return Math.max(FIRST_ROWS, 2 ** Math.ceil(Math.log2(rows)))
}

/** `norms` is the product of both vectors' lengths. */
type ScoreAt = (page: Float32Array, offset: number, query: Float32Array, norms: number) => number

const SCORES: Record<Metric, ScoreAt> = {
  cosine: (page, offset, query, norms) => dotAt(page, offset, query) / norms,
  dot: dotAt,
  l2: (page, offset, query) => -Math.sqrt(squaredDistanceAt(page, offset, query)),
}

/** Four running sums keep the processor's adders busy; the sums are double precision. */
function dotAt(page: Float32Array, offset: number, query: Float32Array): number {
  const length = query.length
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  let i = 0
  for (; i + 3 < length; i += 4) {
    const at = offset + i
    a += (page[at] as number) * (query[i] as number)
    b += (page[at + 1] as number) * (query[i + 1] as number)
    c += (page[at + 2] as number) * (query[i + 2] as number)
    d += (page[at + 3] as number) * (query[i + 3] as number)
  }
  for (; i < length; i++) a += (page[offset + i] as number) * (query[i] as number)
  return a + b + c + d
}

function squaredDistanceAt(page: Float32Array, offset: number, query: Float32Array): number {
  let sum = 0
  for (let i = 0; i < query.length; i++) {
    const off = (page[offset + i] as number) - (query[i] as number)
    sum += off * off
  }
  return sum
}

/** Refuses a vector that cannot be compared, naming what is wrong with it. `what` says whose it is. */
export function checkVector(
  vector: Float32Array | null,
  dimensions: number,
  what: string,
): asserts vector is Float32Array {
  if (vector === null)
    throw new QuarryError('invalid_request', `${what} has no vector; the index has a dense part`)
  if (vector.length !== dimensions)
    throw new QuarryError(
      'invalid_request',
      `${what} has a vector of ${vector.length} dimensions; the index has ${dimensions}`,
      { details: { actual: vector.length, expected: dimensions } },
    )
  const squared = dotAt(vector, 0, vector)
  if (!Number.isFinite(squared))
    throw new QuarryError(
      'invalid_request',
      `${what} has a vector with a number that is not finite`,
    )
  if (squared === 0) throw new QuarryError('invalid_request', `${what} has a vector of zeros`)
}
