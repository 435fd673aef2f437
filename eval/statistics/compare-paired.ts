import { QuarryError } from '../../src/core/errors.ts'
import { type BootstrapOptions, bootstrapMean } from './bootstrap.ts'
import { randomisationTest } from './randomisation-test.ts'

export interface PairedComparison {
  /** Mean of the second minus mean of the first. */
  readonly difference: number
  readonly low: number
  readonly high: number
  /** Chance of a mean difference at least as far from 0 if the two were alike; two-sided. */
  readonly p: number
}

/**
 * Two systems on the same queries: the difference of their means with its interval, and whether chance alone explains it.
 * @param pairs one for each query: what the first and what the second scored
 * @throws QuarryError `invalid_request` for no pairs or a confidence outside (0, 1)
 */
export async function comparePaired(
  pairs: readonly (readonly [first: number, second: number])[],
  options: BootstrapOptions = {},
): Promise<PairedComparison> {
  if (pairs.length === 0)
    throw new QuarryError('invalid_request', 'there are no queries to compare two results on')
  const differences = pairs.map(([first, second]) => second - first)
  const { mean, low, high } = await bootstrapMean(differences, options)
  const p = await randomisationTest(differences, { seed: options.seed })
  return { difference: mean, low, high, p }
}
