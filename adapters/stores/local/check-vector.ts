import { QuarryError } from '../../../src/core/errors.ts'

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
  const squared = squaredLength(vector)
  if (!Number.isFinite(squared))
    throw new QuarryError(
      'invalid_request',
      `${what} has a vector with a number that is not finite`,
    )
  if (squared === 0) throw new QuarryError('invalid_request', `${what} has a vector of zeros`)
}

function squaredLength(vector: Float32Array): number {
  let sum = 0
  for (let i = 0; i < vector.length; i++) sum += (vector[i] as number) * (vector[i] as number)
  return sum
}
