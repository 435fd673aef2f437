import { describe, expect, it } from 'vitest'
import { addRow, countRows, hasRow } from '../../adapters/stores/local/bitmap.ts'
import { encodeCodes } from '../../adapters/stores/local/dense/encode-rows.ts'
import { readCodes } from '../../adapters/stores/local/dense/flat-block.ts'
import { searchCodes } from '../../adapters/stores/local/dense/scan-codes.ts'
import { openMemory } from '../../adapters/stores/local/memory/open-memory.ts'
import type { Metric } from '../../src/core/vector-store.ts'
import { placeBlocks } from '../support/blocks-in-memory.ts'
import { trueBest, trueScore } from '../support/flat-oracle.ts'
import { everyRow, randomOf, someRows, wildRows } from '../support/vector-rows.ts'

const METRICS: readonly Metric[] = ['cosine', 'dot', 'l2']
const { signal } = new AbortController()
const simd = openMemory({ bytesMax: 2 ** 26 })

describe('searchCodes', () => {
  it.each(METRICS)('finds the best rows that are allowed, by codes alone (%s)', async (metric) => {
    const random = randomOf(31)
    const rows = wildRows(metric, 48, 4_000, () => 1, random)
    const query = Float32Array.from({ length: 48 }, () => random() - 0.5)
    for (const share of [0.01, 0.1, 0.5, 1]) {
      const allowed = someRows(rows.count, share, random)
      const search = { ...everyRow(rows.count, 10), allowed, allowedCount: countRows(allowed) }
      const { region, reader } = placeBlocks(simd, encodeCodes(rows))
      const block = readCodes(reader, { ...rows, kernels: region.kernels })
      const found = await searchCodes(block, metric, query, search, 30, signal)
      region.free()
      expect(found.rows).toHaveLength(30)
      expect(found.rows.every((row) => hasRow(allowed, row))).toBe(true)
      const best = trueBest(rows, query, search).rows
      expect(best.filter((row) => found.rows.includes(row))).toEqual(best)
    }
  })

  it.each(METRICS)('says what each row scores at most, and little more (%s)', async (metric) => {
    const random = randomOf(35)
    const rows = wildRows(metric, 384, 4_000, () => 2, random)
    const { region, reader } = placeBlocks(simd, encodeCodes(rows))
    const block = readCodes(reader, { ...rows, kernels: region.kernels })
    for (let i = 0; i < 20; i++) {
      const query = Float32Array.from({ length: 384 }, () => random() * 2 - 1)
      const found = await searchCodes(block, metric, query, everyRow(4_000, 1), 200, signal)
      const over = found.rows.map(
        (row, at) => (found.scoresMax[at] ?? 0) - trueScore(rows, query, row),
      )
      const unit = metric === 'dot' ? 128 : metric === 'l2' ? 16 : 1
      expect(Math.min(...over)).toBeGreaterThanOrEqual(0)
      expect(Math.max(...over) / unit).toBeLessThanOrEqual(0.004)
    }
    region.free()
  })

  it('leaves no allowed row out where they lie close in places', async () => {
    const random = randomOf(33)
    const rows = wildRows('dot', 2, 30_000, () => 1, random)
    const allowed = someRows(rows.count, 0.02, random)
    for (let row = 10_000; row < 15_000; row++) addRow(allowed, row)
    const search = { ...everyRow(rows.count, 1), allowed, allowedCount: countRows(allowed) }
    const { region, reader } = placeBlocks(simd, encodeCodes(rows))
    const block = readCodes(reader, { ...rows, kernels: region.kernels })
    const found = await searchCodes(block, 'dot', new Float32Array(2), search, 30_000, signal)
    region.free()
    expect(found.rows).toHaveLength(search.allowedCount)
    expect(new Set(found.rows).size).toBe(search.allowedCount)
    expect(found.rows.every((row) => hasRow(allowed, row))).toBe(true)
  })

  it('lets equal rows be ordered by whom it asks', async () => {
    const rows = wildRows('dot', 2, 20_000, () => 1, randomOf(34))
    rows.floats.fill(0.5)
    const { region, reader } = placeBlocks(simd, encodeCodes(rows))
    const block = readCodes(reader, { ...rows, kernels: region.kernels })
    const search = { ...everyRow(20_000, 1), isBefore: (a: number, b: number) => a > b }
    const query = new Float32Array(2).fill(1)
    for (const count of [3, 1_100]) {
      const found = await searchCodes(block, 'dot', query, search, count, signal)
      expect(found.rows).toEqual(Array.from({ length: count }, (_, i) => 19_999 - i))
    }
    region.free()
  })

  it('answers all rows where more are asked for', async () => {
    const rows = wildRows('l2', 6, 2_000, () => 1, randomOf(32))
    const { region, reader } = placeBlocks(simd, encodeCodes(rows))
    const block = readCodes(reader, { ...rows, kernels: region.kernels })
    const query = new Float32Array(6)
    const found = await searchCodes(block, 'l2', query, everyRow(2_000, 1), 5_000, signal)
    region.free()
    expect([...found.rows].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 2_000 }, (_, i) => i),
    )
  })
})
