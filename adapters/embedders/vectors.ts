import { QuarryError } from '../../src/core/errors.ts'
import { decodeVector, type Encoding, type WireVector } from './encodings.ts'

export interface ExpectedVector {
  readonly encoding: Encoding
  /** As sent; null takes whatever length comes. */
  readonly dimensions: number | null
  /** Keeps the first so many numbers. */
  readonly truncateTo?: number | undefined
  /** Scales what is kept to length 1. */
  readonly normalize: boolean
}

/** Decodes and checks one vector of a provider's answer; `upstream_failed` where it is not a usable one. */
export function readVector(
  wire: WireVector,
  expected: ExpectedVector,
  upstream: string,
): Float32Array {
  const { dimensions, truncateTo } = expected
  const sent = decodeVector(wire, expected.encoding)
  if (sent === null || sent.length === 0) throw faulty(upstream, 'a vector that cannot be decoded')
  if (dimensions !== null && sent.length !== dimensions)
    throw wrongLength(upstream, sent.length, `where ${dimensions} were configured`)
  if (truncateTo !== undefined && sent.length < truncateTo)
    throw wrongLength(upstream, sent.length, `of which ${truncateTo} can't be kept`)
  const vector = truncateTo === undefined ? sent : sent.slice(0, truncateTo)
  const length = Math.sqrt(sumOfSquares(vector))
  if (!Number.isFinite(length)) throw faulty(upstream, 'a vector with a non-finite number')
  if (length === 0) throw faulty(upstream, 'a zero vector')
  return expected.normalize ? scaled(vector, 1 / length) : vector
}

function faulty(upstream: string, what: string): QuarryError {
  return new QuarryError('upstream_failed', `${upstream} sent ${what}`)
}

function wrongLength(upstream: string, length: number, why: string): QuarryError {
  return new QuarryError(
    'upstream_failed',
    `${upstream} sent a vector of ${length} dimensions ${why}`,
    { retryable: false },
  )
}

export function sumOfSquares(vector: Float32Array): number {
  let sum = 0
  for (const value of vector) sum += value * value
  return sum
}

export function scaled(vector: Float32Array, factor: number): Float32Array {
  for (let i = 0; i < vector.length; i += 1) vector[i] = (vector[i] ?? 0) * factor
  return vector
}
