import { QuarryError } from '../../src/core/errors.ts'
import { isTurnOver, nextTurn } from '../../src/core/turns.ts'
import { unending } from '../../src/core/unending.ts'
import { type RandomBits, randomBits } from './random.ts'

export interface RandomisationOptions {
  /** By default 100,000, and fewer (never below 5,000) the more differences there are, so that none takes long. */
  readonly rounds?: number | undefined
  readonly seed?: number | undefined
}

const SEED = 1
/** Smucker et al. take 100,000. */
const ROUNDS = { least: 5_000, most: 100_000 }
/** Signs drawn in all; some tenths of a second. */
const DRAWS = 5e7
/** Up to so many differences, every way to sign them is tried: 65,536. */
const EXACT_MAX = 16
/** Sums of one set of numbers differ in their last bits by the order in which they are added. */
const ROUNDING = 1e-12

/**
 * Fisher's randomisation test for paired values (Smucker, Allan and Carterette 2007), two-sided: how often the mean of
 * the differences by query is at least as far from 0 when each is given a sign at random, as it may be if the two
 * systems are alike. Exact for up to 16 differences that are not 0; beyond, (hits + 1) / (rounds + 1), which is never 0
 * (Phipson and Smyth 2010). Equal input gives an equal p.
 * @throws QuarryError `invalid_request` for no differences
 */
export async function randomisationTest(
  differences: readonly number[],
  options: RandomisationOptions = {},
): Promise<number> {
  if (differences.length === 0)
    throw new QuarryError('invalid_request', 'there are no differences to test')
  const sizes = Float64Array.from(differences.filter((difference) => difference !== 0))
  const seen = Math.abs(differences.reduce((sum, difference) => sum + difference, 0))
  const least = seen - ROUNDING * sizes.reduce((sum, size) => sum + Math.abs(size), 0)
  if (sizes.length <= EXACT_MAX) return exact(sizes, least)
  const rounds = options.rounds ?? roundsFor(sizes.length)
  const hits = await countHits(sizes, least, rounds, randomBits(options.seed ?? SEED))
  return (hits + 1) / (rounds + 1)
}

function roundsFor(sizes: number): number {
  return Math.min(ROUNDS.most, Math.max(ROUNDS.least, Math.round(DRAWS / sizes)))
}

function exact(sizes: Float64Array, least: number): number {
  const ways = 2 ** sizes.length
  let hits = 0
  for (let signs = 0; signs < ways; signs += 1) {
    let sum = 0
    for (let at = 0; at < sizes.length; at += 1) sum += signed(sizes[at] as number, signs >> at)
    if (Math.abs(sum) >= least) hits += 1
  }
  return hits / ways
}

async function countHits(
  sizes: Float64Array,
  least: number,
  rounds: number,
  next: RandomBits,
): Promise<number> {
  let hits = 0
  for (let round = 0; round < rounds; round += 1) {
    let sum = 0
    let signs = 0
    for (let at = 0; at < sizes.length; at += 1) {
      signs = at % 32 === 0 ? next() : signs >>> 1
      sum += signed(sizes[at] as number, signs)
    }
    if (Math.abs(sum) >= least) hits += 1
    if (isTurnOver()) await nextTurn(unending)
  }
  return hits
}

function signed(size: number, signs: number): number {
  return (signs & 1) === 0 ? size : -size
}
