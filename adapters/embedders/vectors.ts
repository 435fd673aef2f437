import { endianness } from 'node:os'
import { QuarryError } from '../../src/core/errors.ts'

/** An embedding as servers send it: little-endian float32 in base64, or numbers. */
export type WireVector = string | readonly unknown[]

/** Decodes and checks one vector of a provider's answer; `upstream_failed` where it is not a usable one. */
export function readVector(
  wire: WireVector,
  expected: { readonly dimensions: number | null; readonly normalize: boolean },
  upstream: string,
): Float32Array {
  const vector = typeof wire === 'string' ? fromBase64(wire) : fromNumbers(wire)
  if (vector === null || vector.length === 0)
    throw faulty(upstream, 'a vector that cannot be decoded')
  if (expected.dimensions !== null && vector.length !== expected.dimensions)
    throw new QuarryError(
      'upstream_failed',
      `${upstream} sent a vector of ${vector.length} dimensions where ${expected.dimensions} were configured`,
      { retryable: false },
    )
  const length = Math.sqrt(sumOfSquares(vector))
  if (!Number.isFinite(length)) throw faulty(upstream, 'a vector with a non-finite number')
  if (length === 0) throw faulty(upstream, 'a zero vector')
  return expected.normalize ? scaled(vector, 1 / length) : vector
}

function faulty(upstream: string, what: string): QuarryError {
  return new QuarryError('upstream_failed', `${upstream} sent ${what}`)
}

function fromBase64(text: string): Float32Array | null {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.byteLength % 4 !== 0) return null
  if (endianness() === 'BE') bytes.swap32()
  // A copy of its own: Buffer's pool gives no aligned offset and would keep 8 KiB alive for it.
  return new Float32Array(new Uint8Array(bytes).buffer)
}

function fromNumbers(numbers: readonly unknown[]): Float32Array | null {
  const vector = new Float32Array(numbers.length)
  for (let i = 0; i < numbers.length; i += 1) {
    const value = numbers[i]
    if (typeof value !== 'number') return null
    vector[i] = value
  }
  return vector
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
