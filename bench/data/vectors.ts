import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cached, exists } from './cache.ts'
import { DATASETS } from './datasets.ts'
import { gaussianFrom, randomFrom } from './random.ts'

/** Unit vectors, queries of the same kind that are not among them, and for each query its exact nearest, best first. */
export interface VectorSet {
  readonly name: string
  readonly dimensions: number
  readonly count: number
  /** count × dimensions */
  readonly base: Float32Array
  readonly queries: readonly Float32Array[]
  /** queries × TRUTH_DEPTH row numbers by cosine */
  readonly truth: Int32Array
  /** Of the vectors, so that what was built over others is not taken for theirs. */
  readonly digest: string
}

type Vectors = Omit<VectorSet, 'truth' | 'digest'>

const REAL = join(DATASETS, 'ann-bge-large-bright')

const TRUTH_DEPTH = 100

/** Which vectors, in words that another process can be told. */
export type VectorSource =
  | { readonly kind: 'clustered'; readonly count: number; readonly queries: number }
  | { readonly kind: 'real' }

export async function openVectors(source: VectorSource): Promise<VectorSet> {
  return source.kind === 'real' ? realVectors() : clusteredVectors(source.count, source.queries)
}

export async function hasRealVectors(): Promise<boolean> {
  return exists(join(REAL, 'base.fvecs'))
}

/** Generated vectors with the structure of text embeddings, of 384 dimensions. */
async function clusteredVectors(count: number, queryCount: number): Promise<VectorSet> {
  const dimensions = 384
  const generate = clusterGenerator(dimensions, 17)
  const all = generate(count + queryCount)
  const base = all.subarray(0, count * dimensions)
  const queries = rowsOf(all.subarray(count * dimensions), dimensions)
  return withTruth({ name: `clustered-${count}`, dimensions, count, base, queries })
}

/** Real embeddings of 1,024 dimensions. */
async function realVectors(): Promise<VectorSet> {
  const base = readFvecs(await readFile(join(REAL, 'base.fvecs')))
  const asked = readFvecs(await readFile(join(REAL, 'query.fvecs')))
  const { dimensions } = base
  return withTruth({
    name: 'bge-large-bright',
    dimensions,
    count: base.floats.length / dimensions,
    base: base.floats,
    queries: rowsOf(asked.floats, dimensions),
  })
}

/** The share of the k nearest that an answer has, over all queries. */
export function recallOf(
  truth: Int32Array,
  answers: readonly (readonly number[])[],
  k: number,
): number {
  let found = 0
  for (const [query, rows] of answers.entries()) {
    const nearest = new Set(truth.subarray(query * TRUTH_DEPTH, query * TRUTH_DEPTH + k))
    for (const row of rows.slice(0, k)) if (nearest.has(row)) found += 1
  }
  return found / (answers.length * k)
}

/** The k rows of highest cosine among those that are let through, best first. */
export function nearestAmong(
  { base, count, dimensions }: Pick<VectorSet, 'base' | 'count' | 'dimensions'>,
  query: Float32Array,
  isAllowed: (row: number) => boolean,
  k: number,
): number[] {
  const scored: { row: number; score: number }[] = []
  for (let row = 0; row < count; row++)
    if (isAllowed(row)) scored.push({ row, score: dotAt(base, row * dimensions, query) })
  scored.sort((a, b) => b.score - a.score || a.row - b.row)
  return scored.slice(0, k).map(({ row }) => row)
}

export function rowsOf(floats: Float32Array, dimensions: number): Float32Array[] {
  return Array.from({ length: floats.length / dimensions }, (_, row) =>
    floats.slice(row * dimensions, (row + 1) * dimensions),
  )
}

/**
 * Topics within subjects, some far more frequent than others, around a common mean; what is left varies along a
 * spectrum that falls off, so that the intrinsic dimension is far below the number of coordinates.
 */
function clusterGenerator(dimensions: number, seed: number): (count: number) => Float32Array {
  const random = randomFrom(seed)
  const gaussian = gaussianFrom(random)
  const order = shuffled(dimensions, random)
  const spread = Float64Array.from(order, (rank) => (rank + 1) ** -0.35)
  const draw = (scale: number): Float64Array =>
    Float64Array.from({ length: dimensions }, (_, j) => gaussian() * scale * (spread[j] ?? 0))
  const mean = draw(1)
  const subjects = Array.from({ length: 40 }, () => plus(mean, draw(0.4)))
  const topics = Array.from({ length: 400 }, () =>
    plus(subjects[Math.floor(random() * subjects.length)] ?? mean, draw(0.4)),
  )
  return (count) => {
    const floats = new Float32Array(count * dimensions)
    for (let row = 0; row < count; row++) {
      const topic = topics[Math.floor(topics.length * random() ** 1.5)] ?? mean
      const scale = 0.8 + 0.4 * random()
      const vector = floats.subarray(row * dimensions, (row + 1) * dimensions)
      for (let j = 0; j < dimensions; j++)
        vector[j] = (topic[j] as number) + gaussian() * scale * (spread[j] as number)
      normalize(vector)
    }
    return floats
  }
}

function plus(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, j) => value + (b[j] ?? 0))
}

function shuffled(count: number, random: () => number): number[] {
  const numbers = Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const kept = numbers[i] ?? 0
    numbers[i] = numbers[j] ?? 0
    numbers[j] = kept
  }
  return numbers
}

function normalize(vector: Float32Array): void {
  let sum = 0
  for (let j = 0; j < vector.length; j++) sum += (vector[j] as number) ** 2
  const scale = 1 / Math.sqrt(sum)
  for (let j = 0; j < vector.length; j++) vector[j] = (vector[j] as number) * scale
}

async function withTruth(set: Vectors): Promise<VectorSet> {
  const bytes = new Uint8Array(set.base.buffer, set.base.byteOffset, set.base.byteLength)
  const digest = createHash('sha1').update(bytes).digest('hex').slice(0, 12)
  const path = await cached(`truth-${set.name}-${set.queries.length}-${digest}.i32`, (file) =>
    writeFile(file, exactNearest(set)),
  )
  const stored = await readFile(path)
  return {
    ...set,
    digest,
    truth: new Int32Array(stored.buffer, stored.byteOffset, stored.length / 4),
  }
}

/** By dot product in double precision; all vectors are of length 1. */
function exactNearest({ base, queries, dimensions, count }: Vectors): Int32Array {
  const truth = new Int32Array(queries.length * TRUTH_DEPTH)
  const block = 8
  const scores = Array.from({ length: block }, () => new Float64Array(count))
  const rows = Array.from({ length: count }, (_, row) => row)
  for (let first = 0; first < queries.length; first += block) {
    const asked = queries.slice(first, first + block)
    for (let row = 0; row < count; row++)
      for (const [i, query] of asked.entries())
        (scores[i] as Float64Array)[row] = dotAt(base, row * dimensions, query)
    for (const i of asked.keys()) {
      const own = scores[i] as Float64Array
      truth.set(best(own, rows), (first + i) * TRUTH_DEPTH)
    }
  }
  return truth
}

function best(scores: Float64Array, rows: readonly number[]): number[] {
  const least = scores.toSorted()[Math.max(0, scores.length - TRUTH_DEPTH)] ?? 0
  return rows
    .filter((row) => (scores[row] as number) >= least)
    .sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b)
    .slice(0, TRUTH_DEPTH)
}

function dotAt(base: Float32Array, from: number, query: Float32Array): number {
  let even = 0
  let odd = 0
  for (let j = 0; j < query.length; j += 2) {
    even += (base[from + j] as number) * (query[j] as number)
    odd += (base[from + j + 1] as number) * (query[j + 1] as number)
  }
  return even + odd
}

/** Rows of an int32 count and that many float32, as TEXMEX's data sets are. */
function readFvecs(file: Buffer): { floats: Float32Array; dimensions: number } {
  const dimensions = file.readInt32LE(0)
  const rowBytes = 4 + dimensions * 4
  const floats = new Float32Array((file.length / rowBytes) * dimensions)
  const view = new Float32Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.length))
  for (let row = 0; row < file.length / rowBytes; row++)
    floats.set(
      view.subarray(row * (dimensions + 1) + 1, (row + 1) * (dimensions + 1)),
      row * dimensions,
    )
  return { floats, dimensions }
}
