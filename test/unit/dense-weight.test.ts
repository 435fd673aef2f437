import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { denseWeightAt, isWeighed, scaledDenseWeight } from '../../src/core/dense-weight.ts'

const rising = [
  { score: 0.5, weight: 0.4 },
  { score: 0.9, weight: 2 },
] as const

describe('the weight of a dense leg', () => {
  it.each([
    [null, 0.4],
    [-1, 0.4],
    [0.5, 0.4],
    [0.7, 1.2],
    [0.9, 2],
    [30, 2],
  ])('at a best score of %d is %d', (best, weight) => {
    expect(denseWeightAt(rising, best)).toBeCloseTo(weight)
  })
  it('may be the same at any score', () => {
    expect([null, 0, 1].map((best) => denseWeightAt(0.3, best))).toEqual([0.3, 0.3, 0.3])
  })
  it('is scaled at every score alike', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(share, share, fc.constantFrom(rising, 0.7), (by, best, weight) => {
        const scaled = denseWeightAt(scaledDenseWeight(weight, by), best)
        expect(scaled).toBeCloseTo(by * denseWeightAt(weight, best))
      }),
    )
  })
  it('is none where it is 0 at every score', () => {
    expect([rising, 1, 0, scaledDenseWeight(rising, 0)].map(isWeighed)).toEqual([
      true,
      true,
      false,
      false,
    ])
  })
})
