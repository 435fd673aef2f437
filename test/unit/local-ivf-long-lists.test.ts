import { describe, expect, it } from 'vitest'
import type { Metric } from '../../src/core/vector-store.ts'
import { clustered } from '../support/hnsw-rows.ts'
import { all, bitmapOf, find, ivfOver, only, recall } from '../support/ivf-rows.ts'

const METRICS: readonly Metric[] = ['cosine', 'dot', 'l2']

describe('a list of ivf_pq that is longer than a piece', () => {
  it.each(METRICS)('is looked through to its end, by %s', async (metric) => {
    const { rows, queries } = clustered(5_000, metric, 4, 20)
    const some = queries.slice(0, 12)
    const most = bitmapOf(rows.count, (row) => row % 5 !== 0)
    for (const bits of [4, 8] as const) {
      const segment = ivfOver(rows, { bits, lists: 1, subvectors: 10 })
      expect(await recall(segment, rows, some, all(rows, 10))).toBeGreaterThan(0.95)
      expect(await recall(segment, rows, some, only(most, 10))).toBeGreaterThan(0.97)
      const { rows: found } = await find(segment, some[0] as Float32Array, all(rows, rows.count))
      expect(new Set(found).size).toBe(rows.count)
    }
  })

  it('is one of rows that are all the same', async () => {
    const count = 6_000
    const floats = new Float32Array(count * 12).fill(0.25)
    for (const metric of METRICS) {
      const rows = { count, dimensions: 12, metric, floats }
      const segment = ivfOver(rows, { bits: 4 })
      const { rows: found, scores } = await find(segment, floats.slice(0, 12), all(rows, 1_000))
      expect(new Set(found).size).toBe(1_000)
      expect(new Set(scores).size).toBe(1)
    }
  })
})
