import { expect, test } from 'vitest'
import { randomHex } from '../../src/core/random-hex.ts'

test('draws are as long as asked and none comes twice, also where a pool ends', () => {
  const draws = Array.from({ length: 2_000 }, (_, at) => randomHex(8 + (at % 3) * 4))
  for (const [at, draw] of draws.entries())
    expect(draw).toMatch(new RegExp(`^[0-9a-f]{${2 * (8 + (at % 3) * 4)}}$`))
  const starts = draws.map((draw) => draw.slice(0, 16))
  expect(new Set(starts).size).toBe(draws.length)
})
