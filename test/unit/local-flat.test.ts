import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addRow, countRows, emptyBitmap } from '../../adapters/stores/local/bitmap.ts'
import type { VectorRows } from '../../adapters/stores/local/dense/dense-segment.ts'
import { encodeRows } from '../../adapters/stores/local/dense/encode-rows.ts'
import { openFlat } from '../../adapters/stores/local/dense/flat.ts'
import { type FlatRows, openFlatRows } from '../../adapters/stores/local/dense/flat-rows.ts'
import type { Found, RowSearch } from '../../adapters/stores/local/found.ts'
import type { Memory } from '../../adapters/stores/local/memory/memory.ts'
import { openMemory } from '../../adapters/stores/local/memory/open-memory.ts'
import { isTurnOver } from '../../src/core/turns.ts'
import type { Metric } from '../../src/core/vector-store.ts'
import { placeBlocks } from '../support/blocks-in-memory.ts'
import { trueBest, trueScore } from '../support/flat-oracle.ts'
import { everyRow, randomOf, someRows, wildRows } from '../support/vector-rows.ts'

const METRICS: readonly Metric[] = ['cosine', 'dot', 'l2']
const { signal } = new AbortController()
const memories = [false, true].map((scalar) => openMemory({ bytesMax: 2 ** 30, scalar }))
const [simd, scalar] = memories as [Memory, Memory]

type Ask = (rows: VectorRows, query: Float32Array, search: RowSearch) => Promise<Found>

const askFlat =
  (memory: Memory): Ask =>
  async (rows, query, search) => {
    const { region, reader } = placeBlocks(memory, encodeRows(rows))
    const segment = openFlat(reader, { ...rows, kernels: region.kernels })
    const found = await segment.search(query, search, signal)
    region.free()
    return found
  }

const askDelta =
  (memory: Memory): Ask =>
  async (rows, query, search) => {
    const delta = deltaOf(rows, memory)
    const found = await delta.search(query, search, signal)
    delta.free()
    return found
  }

function deltaOf(rows: VectorRows, memory: Memory): FlatRows {
  const { count, dimensions, floats } = rows
  const delta = openFlatRows(rows, memory)
  for (let row = 0; row < count; row++)
    delta.append(floats.subarray(row * dimensions, (row + 1) * dimensions))
  return delta
}

const WAYS: readonly [string, Ask][] = [
  ['SIMD', askFlat(simd)],
  ['scalar', askFlat(scalar)],
  ['delta', askDelta(simd)],
]

/** Whole numbers times powers of two, so that every sum is exact and ties are true ones. */
const exactCase = fc
  .record({
    metric: fc.constantFrom(...METRICS),
    dimensions: fc.integer({ min: 1, max: 70 }),
    count: fc.nat({ max: 150 }),
    k: fc.constantFrom(1, 2, 10, 60, 200, 1_500),
    share: fc.constantFrom(null, 0.02, 0.15, 0.6, 1),
    floorAt: fc.option(fc.nat({ max: 149 })),
    exponents: fc.uniqueArray(fc.constantFrom(0, 60, -60, 3, -140), { minLength: 1 }),
    seed: fc.integer({ min: 1, max: 1e9 }),
  })
  .map(({ metric, dimensions, count, k, share, floorAt, exponents, seed }) => {
    const random = randomOf(seed)
    const scales = metric === 'l2' ? exponents.slice(0, 1) : exponents
    const whole = (scale: number): number => Math.floor(random() * 7 - 3) * 2 ** scale
    const floats = new Float32Array(count * dimensions)
    for (let row = 0; row < count; row++) {
      const scale = scales[Math.floor(random() * scales.length)] ?? 0
      for (let i = 0; i < dimensions; i++) floats[row * dimensions + i] = whole(scale)
    }
    const rows: VectorRows = { count, dimensions, metric, floats }
    const query = Float32Array.from({ length: dimensions }, () => whole(scales[0] ?? 0))
    const order = Array.from({ length: count }, random)
    const allowed = share === null ? null : someRows(count, share, random)
    const floor =
      floorAt === null || floorAt >= count
        ? Number.NEGATIVE_INFINITY
        : trueScore(rows, query, floorAt)
    const search: RowSearch = {
      k,
      allowed,
      allowedCount: allowed === null ? count : countRows(allowed),
      floor,
      isBefore: (a, b) => (order[a] as number) < (order[b] as number),
    }
    return { rows, query, search }
  })

const SHAPES = ['even', 'one-hot', 'spread'] as const

/** From below the least normal number that 32 bits can hold to near the greatest. */
function anyLength(random: () => number): number {
  return 10 ** Math.floor(random() * 81 - 44)
}

/** A vector of about this length: in any direction, along an axis, or with each number of another magnitude. */
function shaped(
  shape: (typeof SHAPES)[number],
  dimensions: number,
  length: number,
  random: () => number,
): Float32Array {
  if (shape === 'one-hot') {
    const vector = new Float32Array(dimensions)
    vector[Math.floor(random() * dimensions)] = random() < 0.5 ? length : -length
    return vector
  }
  const share = (): number => (shape === 'spread' ? 10 ** -Math.floor(random() * 12) : 1)
  return Float32Array.from({ length: dimensions }, () => (random() - 0.5) * length * share())
}

describe.each(WAYS)('the exact search (%s)', (_, ask) => {
  it('answers what sorting all rows answers, ties, filters and floors included', async () => {
    await fc.assert(
      fc.asyncProperty(exactCase, async ({ rows, query, search }) => {
        expect(await ask(rows, query, search)).toEqual(trueBest(rows, query, search))
      }),
      { numRuns: 250 },
    )
  })

  it.each(METRICS)('loses no row of any length and shape by %s', async (metric) => {
    const given = fc.record({
      dimensions: fc.integer({ min: 1, max: 70 }),
      count: fc.integer({ min: 1, max: 120 }),
      k: fc.integer({ min: 1, max: 20 }),
      shape: fc.constantFrom(...SHAPES),
      sameLength: fc.boolean(),
      seed: fc.integer({ min: 1, max: 1e9 }),
    })
    await fc.assert(
      fc.asyncProperty(given, async ({ dimensions, count, k, shape, sameLength, seed }) => {
        const random = randomOf(seed)
        const common = anyLength(random)
        const length = (): number => (sameLength ? common : anyLength(random))
        const floats = new Float32Array(count * dimensions)
        for (let row = 0; row < count; row++)
          floats.set(shaped(shape, dimensions, length(), random), row * dimensions)
        const rows: VectorRows = { count, dimensions, metric, floats }
        const query = shaped(shape, dimensions, length(), random)
        expectBest(await ask(rows, query, everyRow(count, k)), rows, query, k)
      }),
      { numRuns: 120 },
    )
  })

  it('goes through many blocks of 384 dimensions, with every vector there twice', async () => {
    const random = randomOf(3)
    const rows = wildRows('cosine', 384, 2_600, () => 1, random)
    const half = rows.floats.length / 2
    rows.floats.copyWithin(half, 0, half)
    const query = rows.floats.slice(384, 768).map((value) => value + 0.3 * (random() - 0.5))
    for (const k of [1, 11, 100, 1_300]) {
      const found = await ask(rows, query, everyRow(rows.count, k))
      expectBest(found, rows, query, k)
      expect(found.rows[0]).toBe(1)
      if (k > 1) expect(found.rows[1]).toBe(1_301)
    }
  })

  it.each(METRICS)('is not misled by the rounding of the query (%s)', async (metric) => {
    // In steps of the query's codes; rounded, the last two are the larger by one, though they are less.
    const query = new Float32Array([32_767, 9_000.49, 9_000.49, 9_000.51, 9_000.4])
    const floats = new Float32Array([127, 99, 99, 100, 100, 127, 100, 100, 99, 99])
    const rows = { count: 2, dimensions: 5, metric, floats }
    expect((await ask(rows, query, everyRow(2, 1))).rows).toEqual([1])
  })

  it('orders more equal rows than it can hold at a time', async () => {
    const count = 20_000
    const rows = {
      count,
      dimensions: 3,
      metric: 'dot',
      floats: new Float32Array(3 * count),
    } as const
    rows.floats.fill(1)
    const query = new Float32Array([1, 2, 3])
    for (const k of [4, 1_200]) {
      const search = { ...everyRow(count, k), isBefore: (a: number, b: number) => a > b }
      const found = await ask(rows, query, search)
      expect(found.rows).toEqual(Array.from({ length: k }, (__, i) => count - 1 - i))
      expect(new Set(found.scores)).toEqual(new Set([6]))
    }
  })

  it('finds allowed rows that lie together, and none past the end', async () => {
    const rows = wildRows('dot', 4, 2_040, () => 1, randomOf(11))
    const query = new Float32Array([1, -1, 0.5, 2])
    for (const [from, to] of [
      [2_030, 2_048],
      [900, 2_048],
      [0, 3],
    ] as const) {
      const allowed = emptyBitmap(rows.count)
      for (let row = from; row < to; row++) addRow(allowed, row)
      const search = { ...everyRow(rows.count, 2_000), allowed, allowedCount: to - from }
      const found = await ask(rows, query, search)
      expect([...found.rows].sort((a, b) => a - b)).toEqual(
        [...trueBest(rows, query, search).rows].sort((a, b) => a - b),
      )
    }
  })

  it('answers nothing for no rows, no k, or a floor above all', async () => {
    const rows = wildRows('dot', 5, 40, () => 1, randomOf(9))
    const nothing = { rows: [], scores: [], complete: true }
    const query = new Float32Array(5).fill(1)
    const none = { count: 0, dimensions: 5, metric: 'dot', floats: new Float32Array(0) } as const
    expect(await ask(none, query, everyRow(0, 3))).toEqual(nothing)
    expect(await ask(rows, query, everyRow(40, 0))).toEqual(nothing)
    expect(await ask(rows, query, { ...everyRow(40, 3), floor: 1e9 })).toEqual(nothing)
    const forbidden = { ...everyRow(40, 3), allowed: emptyBitmap(40), allowedCount: 0 }
    expect(await ask(rows, query, forbidden)).toEqual(nothing)
  })
})

/** By scores, since rows that differ by a rounding error only may be taken for each other. */
function expectBest(found: Found, rows: VectorRows, query: Float32Array, k: number): void {
  const best = trueBest(rows, query, everyRow(rows.count, k))
  expect(found.rows.length).toBe(best.rows.length)
  expect(new Set(found.rows).size).toBe(found.rows.length)
  for (const [i, row] of found.rows.entries()) {
    const score = found.scores[i] as number
    const slack = 1e-12 * lengthsOf(rows, query, row)
    expect(Math.abs(score - trueScore(rows, query, row))).toBeLessThanOrEqual(slack)
    expect(Math.abs(score - (best.scores[i] as number))).toBeLessThanOrEqual(slack)
    if (i > 0) expect(score).toBeLessThanOrEqual(found.scores[i - 1] as number)
  }
}

/** What the rounding of a score may be a share of. */
function lengthsOf(rows: VectorRows, query: Float32Array, row: number): number {
  const { metric, dimensions, floats } = rows
  if (metric === 'cosine') return 1
  const vector = floats.subarray(row * dimensions, (row + 1) * dimensions)
  const [a, b] = [Math.hypot(...vector), Math.hypot(...query)]
  return metric === 'dot' ? a * b : a + b
}

describe('with SIMD and without', () => {
  it('the same is found to the last bit', async () => {
    const random = randomOf(17)
    for (const metric of METRICS)
      for (const dimensions of [1, 7, 16, 33, 384]) {
        const rows = wildRows(metric, dimensions, 1_500, () => 1, random)
        const query = Float32Array.from({ length: dimensions }, () => random() - 0.5)
        const allowed = someRows(1_500, 0.7, random)
        const search = { ...everyRow(1_500, 25), allowed, allowedCount: countRows(allowed) }
        const found = await askFlat(simd)(rows, query, search)
        expect(await askFlat(scalar)(rows, query, search)).toEqual(found)
        expect(await askDelta(simd)(rows, query, search)).toEqual(found)
      }
  })
})

/** Uses up this turn of the event loop, so that the next search pauses after its first block. */
function exhaustTurn(): void {
  isTurnOver()
  while (!isTurnOver());
}

describe('a search that pauses', () => {
  it('ends with the reason of its signal and gives back what it took', async () => {
    const rows = wildRows('dot', 8, 5_000, () => 1, randomOf(21))
    const { region, reader } = placeBlocks(simd, encodeRows(rows))
    const segment = openFlat(reader, { ...rows, kernels: region.kernels })
    const before = region.kernels.takeScratch()
    region.kernels.giveScratch(before)
    const controller = new AbortController()
    exhaustTurn()
    const running = segment.search(
      new Float32Array(8).fill(1),
      everyRow(5_000, 3),
      controller.signal,
    )
    controller.abort(new Error('enough'))
    await expect(running).rejects.toThrow('enough')
    expect(region.kernels.takeScratch()).toBe(before)
    region.kernels.giveScratch(before)
    region.free()
  })

  it('is not disturbed by another, nor by rows that are added', async () => {
    const rows = wildRows('dot', 8, 5_000, () => 1, randomOf(22))
    const delta = deltaOf(rows, simd)
    const queries = [1, -1].map((value) => new Float32Array(8).fill(value))
    exhaustTurn()
    const running = queries.map((query) => delta.search(query, everyRow(5_000, 7), signal))
    for (let i = 0; i < 2_000; i++) delta.append(new Float32Array(8).fill(100))
    const found = await Promise.all(running)
    for (const [i, query] of queries.entries())
      expectBest(found[i] as Found, rows, query as Float32Array, 7)
    expect(delta.count).toBe(7_000)
    const after = await delta.search(queries[0] as Float32Array, everyRow(7_000, 1), signal)
    expect(after.rows).toEqual([5_000])
    delta.free()
  })
})

describe('rows that come one by one', () => {
  it('take memory as they come and give all of it back', () => {
    const memory = openMemory({ bytesMax: 2 ** 24 })
    const delta = openFlatRows({ dimensions: 20, metric: 'l2' }, memory)
    expect([delta.count, delta.bytes, memory.bytesUsed]).toEqual([0, 0, 0])
    const sizes = new Set<number>()
    for (let i = 0; i < 3_000; i++) {
      delta.append(new Float32Array(20).fill(i))
      sizes.add(delta.bytes)
    }
    expect(sizes.size).toBeLessThan(12)
    expect(delta.bytes).toBeLessThan(2 * 3_000 * (20 * 4 + 32 + 32))
    delta.free()
    expect(memory.bytesUsed).toBe(0)
  })

  it('are searched as one where they lie in several memories', async () => {
    const memory = openMemory({ bytesMax: 2 ** 24, arenaBytesMax: 1_024 * (32 + 16 + 16) })
    const rows = wildRows('cosine', 4, 4_000, () => 1, randomOf(12))
    const delta = deltaOf(rows, memory)
    const query = new Float32Array([1, -1, 0.5, 2])
    for (const k of [1, 20, 1_500])
      expectBest(await delta.search(query, everyRow(4_000, k), signal), rows, query, k)
    delta.free()
  })

  it('are not half there where memory ends', async () => {
    const memory = openMemory({ bytesMax: 32 * (16 + 16 + 32) })
    const delta = openFlatRows({ dimensions: 4, metric: 'dot' }, memory)
    const vector = new Float32Array(4).fill(2)
    for (let i = 0; i < 32; i++) delta.append(vector)
    expect(() => delta.append(vector)).toThrow(expect.objectContaining({ code: 'unavailable' }))
    expect(delta.count).toBe(32)
    expect((await delta.search(vector, everyRow(32, 50), signal)).rows).toHaveLength(32)
  })
})

describe('openFlat', () => {
  const rows = wildRows('dot', 5, 10, () => 1, randomOf(4))

  it('refuses blocks of another length than the segment says', () => {
    const { region, reader } = placeBlocks(simd, encodeRows(rows))
    const open = (facts: { count: number; dimensions: number }): unknown =>
      openFlat(reader, { ...rows, ...facts, kernels: region.kernels })
    expect(() => open({ count: 11, dimensions: 5 })).toThrow(/floats has 50 numbers, not 55/)
    expect(() => open({ count: 2, dimensions: 25 })).toThrow(/codes has 160 numbers, not 64/)
    region.free()
  })

  it('refuses kernels of a memory that its blocks are not in', () => {
    const { region, reader } = placeBlocks(simd, encodeRows(rows))
    const { kernels } = openMemory({ bytesMax: 64 }).allocate(64)
    expect(() => openFlat(reader, { ...rows, kernels })).toThrow(/another memory/)
    region.free()
  })
})
