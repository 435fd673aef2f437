import { beforeAll, describe, expect, it } from 'vitest'
import { hasRow } from '../../adapters/stores/local/bitmap.ts'
import type { DenseSegment } from '../../adapters/stores/local/dense/dense-segment.ts'
import { buildIvfPq } from '../../adapters/stores/local/ivf/build-ivf-pq.ts'
import { openIvf } from '../../adapters/stores/local/ivf/index-of-lists.ts'
import { openIvfPq } from '../../adapters/stores/local/ivf/open-ivf-pq.ts'
import { placeBlocks } from '../../adapters/stores/local/ivf/place-blocks.ts'
import { workMemory } from '../../adapters/stores/local/ivf/work-memory.ts'
import type { Metric } from '../../src/core/vector-store.ts'
import { type Clustered, clustered, oracle, scoreOf, sequence } from '../support/hnsw-rows.ts'
import { all, bitmapOf, find, ivfOver, only, recall } from '../support/ivf-rows.ts'

const METRICS: readonly Metric[] = ['cosine', 'dot', 'l2']
const data = new Map<Metric, Clustered>(METRICS.map((metric) => [metric, clustered(8_000, metric)]))
const dataOf = (metric: Metric): Clustered => data.get(metric) ?? clustered(8_000, metric)

describe.each(METRICS)('ivf_pq over 8,000 rows by %s', (metric) => {
  const { rows, clusterOf, queries: drawn } = dataOf(metric)
  const queries = drawn.slice(0, 24)
  const segments: Partial<Record<4 | 8, DenseSegment>> = {}
  const segmentOf = (bits: 4 | 8): DenseSegment => segments[bits] ?? ivfOver(rows, { bits })
  beforeAll(() => {
    segments[4] = ivfOver(rows, { bits: 4 })
    segments[8] = ivfOver(rows, { bits: 8 })
  })

  it.each([4, 8] as const)(
    'finds nearly all of the 1, 10 and 100 nearest with %i bits',
    async (bits) => {
      for (const k of [1, 10, 100])
        expect(await recall(segmentOf(bits), rows, queries, all(rows, k))).toBeGreaterThan(0.93)
    },
  )

  it('scores nearly as the vectors do, and best first', async () => {
    for (const query of queries) {
      const { rows: found, scores } = await find(segmentOf(4), query, all(rows, 20))
      expect(scores).toEqual([...scores].sort((a, b) => b - a))
      for (const [i, row] of found.entries())
        expect(scores[i]).toBeCloseTo(scoreOf(rows, query, row), 1)
    }
  })

  it.each([0.001, 0.01, 0.1, 0.5, 0.8])(
    'finds what a filter by chance lets through: %d',
    async (share) => {
      const random = sequence(3)
      const allowed = bitmapOf(rows.count, () => random() < share)
      const found = await find(segmentOf(4), queries[0] as Float32Array, only(allowed, 10))
      expect(found.rows.every((row) => hasRow(allowed, row))).toBe(true)
      for (const bits of [4, 8] as const)
        expect(await recall(segmentOf(bits), rows, queries, only(allowed, 10))).toBeGreaterThan(
          0.97,
        )
    },
  )

  it.each([1, 3, 6, 9])(
    'finds what a filter that goes with %i clusters lets through',
    async (clusters) => {
      const allowed = bitmapOf(rows.count, (row) => (clusterOf[row] ?? 0) < clusters)
      for (const bits of [4, 8] as const)
        expect(await recall(segmentOf(bits), rows, queries, only(allowed, 10))).toBeGreaterThan(
          0.97,
        )
    },
  )

  it('gives as many rows as were asked for while there are any', async () => {
    const allowed = bitmapOf(rows.count, (row) => row % 1_000 === 7)
    for (const search of [all(rows, 1_000), only(allowed, 10), all(rows, rows.count + 5)]) {
      const found = await find(segmentOf(4), queries[1] as Float32Array, search)
      expect(found.rows.length).toBe(Math.min(search.k, search.allowedCount))
      expect(new Set(found.rows).size).toBe(found.rows.length)
      expect(found.complete).toBe(true)
    }
  })

  it('leaves out what scores below the floor', async () => {
    const query = queries[2] as Float32Array
    const whole = await find(segmentOf(4), query, all(rows, 20))
    const floor = whole.scores[7] as number
    const found = await find(segmentOf(4), query, { ...all(rows, 20), floor })
    expect(found.rows).toEqual(whole.rows.slice(0, 8))
  })
})

describe('what ivf_pq builds', () => {
  const { rows, queries } = clustered(700, 'cosine', 11, 24)

  it('is the same for the same seed and other for another', () => {
    const built = buildIvfPq(rows, { seed: 5 })
    expect(buildIvfPq(rows, { seed: 5 })).toEqual(built)
    expect(buildIvfPq(rows, { seed: 6 })['centroids']).not.toEqual(built['centroids'])
  })

  it.each([4, 8] as const)(
    'is the same, and is searched the same, without SIMD: %i bits',
    async (bits) => {
      for (const metric of METRICS) {
        const same = { ...rows, metric, count: 150 }
        const settings = { bits, subvectors: 5, lists: 7 }
        expect(buildIvfPq(same, { ...settings, scalar: true })).toEqual(buildIvfPq(same, settings))
        const fast = ivfOver(same, settings)
        const slow = ivfOver(same, { ...settings, scalar: true })
        const few = bitmapOf(150, (row) => row % 3 === 0)
        for (const query of queries.slice(0, 5))
          for (const search of [all(same, 9), only(few, 9)])
            expect(await find(slow, query, search)).toEqual(await find(fast, query, search))
      }
    },
  )

  it('takes far less memory than the vectors', () => {
    const large = clustered(4_096, 'cosine', 3, 128).rows
    const bytes = Object.values(buildIvfPq(large, {})).reduce(
      (sum, { byteLength }) => sum + byteLength,
      0,
    )
    expect(bytes * 2.8).toBeLessThan(large.floats.byteLength)
  })

  it('looks into more lists where the recall asks for it, and never into fewer than it was told', () => {
    const plan = (targetRecall: number, probes = 1): readonly number[] => {
      const { kernels, u8 } = workMemory()
      const built = buildIvfPq(dataOf('cosine').rows, { targetRecall, probes })
      const { plan: planned } = openIvf(placeBlocks(built, u8), {
        ...dataOf('cosine').rows,
        kernels,
      })
      return planned.unfiltered.probes
    }
    const [ten = 0] = plan(0.98)
    expect(plan(0.6)[0]).toBeLessThan(ten)
    expect(plan(0.6, ten + 3)[0]).toBe(ten + 3)
  })

  it('finds all rows in their exact order where it looks into all lists and rescores all rows', async () => {
    const { kernels, u8 } = workMemory()
    const blocks = placeBlocks(buildIvfPq(rows, { targetRecall: 1, lists: 9 }), u8)
    const segment = openIvfPq(blocks, { ...rows, kernels })
    for (const query of queries) {
      const { rows: found, scores } = await find(segment, query, all(rows, rows.count))
      expect(found.length).toBe(rows.count)
      for (const [i, row] of found.entries())
        expect(scores[i]).toBeCloseTo(scoreOf(rows, query, row), 2)
      const few = only(
        bitmapOf(rows.count, () => true),
        rows.count,
      )
      const scan = await find(segment, query, few)
      expect({ rows: found, scores }).toEqual({ rows: scan.rows, scores: scan.scores })
    }
  })
})

describe('ivf_pq with odd rows', () => {
  const odd = [
    { count: 1, dimensions: 1 },
    { count: 2, dimensions: 3 },
    { count: 17, dimensions: 5, lists: 400, subvectors: 3 },
    { count: 33, dimensions: 16, subvectors: 400, lists: 2 },
    { count: 100, dimensions: 100, subvectors: 48 },
    { count: 257, dimensions: 37, subvectors: 6, lists: 5 },
  ]

  it.each(odd)('$count rows of $dimensions dimensions', async ({ count, dimensions, ...asked }) => {
    for (const metric of METRICS)
      for (const bits of [4, 8] as const) {
        const { rows, queries } = clustered(count, metric, 5, dimensions)
        const segment = ivfOver(rows, { ...asked, bits })
        const { rows: found, scores } = await find(
          segment,
          queries[0] as Float32Array,
          all(rows, count),
        )
        expect([...found].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i))
        for (const [i, row] of found.entries())
          expect(scores[i]).toBeCloseTo(scoreOf(rows, queries[0] as Float32Array, row), 1)
      }
  })

  it('are all the same: ties go by what comes first', async () => {
    const dimensions = 20
    for (const metric of METRICS) {
      const floats = new Float32Array(900 * dimensions).fill(0.5)
      const rows = { count: 900, dimensions, metric, floats }
      const segment = ivfOver(rows, { bits: 4, lists: 16 })
      const query = floats.slice(0, dimensions)
      const { rows: found, scores } = await find(
        segment,
        query,
        only(
          bitmapOf(900, () => true),
          5,
        ),
      )
      expect(found).toEqual([0, 1, 2, 3, 4])
      expect(scores[0]).toBeCloseTo(scoreOf(rows, query, 0), 3)
      expect((await find(segment, query, all(rows, 50))).rows.length).toBe(50)
    }
  })

  it('lie far from the origin, by l2', async () => {
    const { rows, queries } = clustered(3_000, 'l2', 9)
    const far = { ...rows, floats: rows.floats.map((x) => x + 50) }
    const moved = queries.map((query) => query.map((x) => x + 50))
    expect(await recall(ivfOver(far, { bits: 4 }), far, moved, all(far, 10))).toBeGreaterThan(0.9)
  })

  it('have a query of zeros, by dot and l2', async () => {
    for (const metric of ['dot', 'l2'] as const) {
      const { rows } = clustered(400, metric)
      const { scores } = await find(ivfOver(rows, {}), new Float32Array(32), all(rows, 10))
      expect(scores.length).toBe(10)
      expect(scores.every(Number.isFinite)).toBe(true)
    }
  })
})

describe('a search of ivf_pq', () => {
  const { rows, queries } = clustered(2_000, 'cosine', 21)

  it('gives exact scores where it may read the vectors', async () => {
    const { rows, queries } = clustered(1_500, 'l2', 13)
    const { dimensions, floats } = rows
    const read = async (wanted: readonly number[]): Promise<Float32Array> => {
      const copy = new Float32Array(wanted.length * dimensions)
      for (const [i, row] of wanted.entries())
        copy.set(floats.subarray(row * dimensions, (row + 1) * dimensions), i * dimensions)
      return copy
    }
    const segment = ivfOver(rows, { bits: 4, targetRecall: 1, probes: rows.count }, read)
    for (const query of queries.slice(0, 10)) {
      const found = await find(segment, query, all(rows, 10))
      expect(found.rows).toEqual(oracle(rows, query, all(rows, 10)))
      for (const [i, row] of found.rows.entries())
        expect(found.scores[i]).toBeCloseTo(scoreOf(rows, query, row), 10)
    }
  })

  it('shares its segment with others that run beside it', async () => {
    const segment = ivfOver(rows, {})
    const alone = []
    for (const query of queries) alone.push(await find(segment, query, all(rows, 50)))
    const beside = await Promise.all(queries.map((query) => find(segment, query, all(rows, 50))))
    expect(beside).toEqual(alone)
  })

  it('stops where its signal is aborted', async () => {
    const segment = ivfOver(rows, {})
    const gone = segment.search(queries[0] as Float32Array, all(rows, 5), AbortSignal.abort())
    await expect(gone).rejects.toThrow('aborted')
  })
})
