import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bootstrapMean } from '../../eval/statistics/bootstrap.ts'
import { comparePaired } from '../../eval/statistics/compare-paired.ts'
import { randomBits } from '../../eval/statistics/random.ts'
import { randomisationTest } from '../../eval/statistics/randomisation-test.ts'
import { seededRandom } from '../support/random.ts'

const invalid = (message: RegExp) => ({
  code: 'invalid_request',
  message: expect.stringMatching(message),
})
const meanOf = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length

describe('random bits', () => {
  it('are equal for equal seeds and different for others', () => {
    const first = (seed: number) => Array.from({ length: 8 }, randomBits(seed))
    expect(first(7)).toEqual(first(7))
    expect(new Set([0, 1, 2, -1].map((seed) => first(seed).join())).size).toBe(4)
  })

  it('are those that xoshiro128** gives for its state', () => {
    const next = randomBits(1)
    const state = xoshiroReference(1)
    for (let at = 0; at < 1_000; at += 1) expect(next()).toBe(state())
  })

  it('are each 1 half of the time, and do not follow one another', () => {
    const next = randomBits(3)
    const drawn = Array.from({ length: 20_000 }, next)
    for (let bit = 0; bit < 32; bit += 1) {
      const ones = drawn.filter((value) => ((value >>> bit) & 1) === 1).length
      const turns = drawn.filter(
        (value, at) => at > 0 && (((value ^ (drawn[at - 1] ?? 0)) >>> bit) & 1) === 1,
      )
      expect(Math.abs(ones - 10_000), `bit ${bit}`).toBeLessThan(400)
      expect(Math.abs(turns.length - 10_000), `bit ${bit}`).toBeLessThan(400)
    }
  })
})

describe('the bootstrap interval of a mean', () => {
  it('holds the true mean about as often as it says', async () => {
    const random = seededRandom(5)
    const [worlds, queries] = [400, 60]
    const trueMean = 0.05
    let held = 0
    for (let world = 0; world < worlds; world += 1) {
      const values = Array.from({ length: queries }, () => trueMean + skewed(random))
      const { low, high } = await bootstrapMean(values, { resamples: 1_000, confidence: 0.9 })
      if (low <= trueMean && trueMean <= high) held += 1
    }
    expect(held / worlds).toBeGreaterThan(0.85)
    expect(held / worlds).toBeLessThan(0.94)
  })

  it('is as wide as the normal one where there are many values', async () => {
    const random = seededRandom(6)
    const values = Array.from({ length: 3_000 }, () => random() + random() - 1)
    const mean = meanOf(values)
    const deviation = Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)))
    const half = (1.96 * deviation) / Math.sqrt(values.length)
    const interval = await bootstrapMean(values)
    expect(interval.mean).toBeCloseTo(mean, 12)
    expect((mean - interval.low) / half).toBeGreaterThan(0.93)
    expect((mean - interval.low) / half).toBeLessThan(1.07)
    expect((interval.high - mean) / half).toBeGreaterThan(0.93)
    expect((interval.high - mean) / half).toBeLessThan(1.07)
  })

  it('is that of every possible resample where those can be counted', async () => {
    const values = [0, 0.5, 3]
    const all = values.flatMap((a) => values.flatMap((b) => values.map((c) => meanOf([a, b, c]))))
    const sorted = all.toSorted((a, b) => a - b)
    const { low, high } = await bootstrapMean(values, { confidence: 0.8, resamples: 20_000 })
    expect(low).toBeCloseTo(sorted[2] as number, 6)
    expect(high).toBeCloseTo(sorted[24] as number, 6)
  })

  it('is wider for more confidence, the same for the same seed, a point for one value', async () => {
    const values = Array.from({ length: 40 }, (_, at) => (at % 7) / 7)
    const narrow = await bootstrapMean(values, { confidence: 0.8 })
    const wide = await bootstrapMean(values, { confidence: 0.99 })
    expect(wide.low).toBeLessThan(narrow.low)
    expect(wide.high).toBeGreaterThan(narrow.high)
    expect(await bootstrapMean(values, { confidence: 0.8 })).toEqual(narrow)
    expect(await bootstrapMean(values, { confidence: 0.8, seed: 2 })).not.toEqual(narrow)
    expect(await bootstrapMean([0.25])).toEqual({ mean: 0.25, low: 0.25, high: 0.25 })
  })

  it('needs values and a confidence', async () => {
    await expect(bootstrapMean([])).rejects.toMatchObject(invalid(/there are no values/))
    for (const confidence of [0, 1, 95, Number.NaN])
      await expect(bootstrapMean([1], { confidence })).rejects.toMatchObject(
        invalid(/a confidence lies between 0 and 1/),
      )
  })
})

describe('the randomisation test', () => {
  it('is exact for few differences, as counted by hand', async () => {
    expect(await randomisationTest([1, 1, 1])).toBe(2 / 8)
    expect(await randomisationTest([1, 2, 3, -1])).toBe(6 / 16)
    expect(await randomisationTest([0.1, 0.2, 0.3])).toBe(2 / 8)
    expect(await randomisationTest([0, 0.5, 0])).toBe(1)
    expect(await randomisationTest([0, 0])).toBe(1)
    expect(await randomisationTest([0.5, -0.5])).toBe(1)
  })

  it('counts what every way to sign the differences gives', async () => {
    const differences = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 9 })
    await fc.assert(
      fc.asyncProperty(differences, async (list) => {
        const sums = list.reduce((all, size) => all.flatMap((sum) => [sum + size, sum - size]), [0])
        const seen = Math.abs(list.reduce((sum, size) => sum + size, 0))
        const share = sums.filter((sum) => Math.abs(sum) >= seen).length / sums.length
        expect(await randomisationTest(list.map((size) => size / 10))).toBeCloseTo(share, 12)
      }),
    )
  })

  it('comes near the exact one when it draws', async () => {
    const random = seededRandom(8)
    const differences = Array.from({ length: 17 }, () => Math.round((random() - 0.4) * 40) / 40)
    const sizes = differences.filter((difference) => difference !== 0)
    expect(sizes.length).toBe(17)
    const sums = sizes.reduce((all, size) => all.flatMap((sum) => [sum + size, sum - size]), [0])
    const seen = Math.abs(sizes.reduce((sum, size) => sum + size, 0))
    const share = sums.filter((sum) => Math.abs(sum) >= seen - 1e-9).length / sums.length
    expect(share).toBeGreaterThan(0.01)
    expect(Math.abs((await randomisationTest(sizes)) - share)).toBeLessThan(0.005)
  })

  it('spreads p evenly when there is no difference', async () => {
    const random = seededRandom(9)
    const worlds = 400
    const below = new Map([0.05, 0.1, 0.25, 0.5, 0.75].map((level) => [level, 0]))
    for (let world = 0; world < worlds; world += 1) {
      const differences = Array.from({ length: 40 }, () => random() ** 3 - random() ** 3)
      const p = await randomisationTest(differences, { rounds: 400, seed: world })
      for (const [level, count] of below) if (p <= level) below.set(level, count + 1)
    }
    for (const [level, count] of below)
      expect(Math.abs(count / worlds - level), `${level}`).toBeLessThan(0.07)
    expect((below.get(0.05) ?? 0) / worlds).toBeLessThan(0.09)
  })

  it('gives a sign of its own to every one of many differences', async () => {
    const differences = Array.from({ length: 128 }, (_, at) => (at < 64 ? 0.001 * (-1) ** at : 1))
    expect(await randomisationTest(differences, { rounds: 999 })).toBe(1 / 1_000)
  })

  it('is never 0, finds a real difference, and does not look at the sign', async () => {
    const differences = Array.from({ length: 200 }, (_, at) => (at % 5) / 5)
    const p = await randomisationTest(differences, { rounds: 999 })
    expect(p).toBe(1 / 1_000)
    expect(
      await randomisationTest(
        differences.map((each) => -each),
        { rounds: 999 },
      ),
    ).toBe(p)
    await expect(randomisationTest([])).rejects.toMatchObject(invalid(/no differences/))
  })
})

describe('comparing two systems on the same queries', () => {
  it('is the second minus the first, the other way round with the sign turned', async () => {
    const random = seededRandom(11)
    const pairs = Array.from({ length: 80 }, () => {
      const first = random()
      return [first, first + 0.1 * random() - 0.02] as const
    })
    const forth = await comparePaired(pairs)
    const back = await comparePaired(pairs.map(([first, second]) => [second, first] as const))
    expect(forth.difference).toBeCloseTo(meanOf(pairs.map(([a, b]) => b - a)), 12)
    expect(forth.low).toBeGreaterThan(0)
    expect(forth.p).toBeLessThan(0.001)
    expect(back.difference).toBeCloseTo(-forth.difference, 12)
    expect(back.high).toBeCloseTo(-forth.low, 3)
    expect(back.p).toBe(forth.p)
    expect(await comparePaired(pairs)).toEqual(forth)
  })

  it('finds nothing where nothing differs, and needs queries', async () => {
    const same = [
      [0.5, 0.5],
      [1, 1],
    ] as const
    expect(await comparePaired(same)).toEqual({ difference: 0, low: 0, high: 0, p: 1 })
    await expect(comparePaired([])).rejects.toMatchObject(invalid(/no queries/))
  })
})

/** Mean 0, most of its weight at one value and a long tail, as differences of metrics have. */
function skewed(random: () => number): number {
  return random() < 0.7 ? -0.06 : 0.14 + (random() - 0.5) * 0.2
}

/** The published algorithm in 64-bit whole numbers, with the same filling of the state. */
function xoshiroReference(seed: number): () => number {
  const wide = (value: bigint) => BigInt.asUintN(32, value)
  const rotate = (value: bigint, by: bigint) => wide((value << by) | (value >> (32n - by)))
  let filling = BigInt(seed)
  const fill = () => {
    filling = wide(filling + 0x9e3779b9n)
    let mixed = wide((filling ^ (filling >> 16n)) * 0x21f0aaadn)
    mixed = wide((mixed ^ (mixed >> 15n)) * 0x735a2d97n)
    return mixed ^ (mixed >> 15n)
  }
  const s = [fill(), fill(), fill(), fill()] as [bigint, bigint, bigint, bigint]
  return () => {
    const result = wide(rotate(wide(s[1] * 5n), 7n) * 9n)
    const t = wide(s[1] << 9n)
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = rotate(s[3], 11n)
    return Number(result)
  }
}
