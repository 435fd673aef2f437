import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type WorkMemory, workMemory } from '../../adapters/stores/local/ivf/work-memory.ts'
import { sequence, whole } from '../support/hnsw-rows.ts'

const simd = workMemory()
const scalar = workMemory({ scalar: true })
const seeds = fc.integer({ min: 1, max: 2 ** 31 - 1 })

/** Each row with this chance, as ascending numbers from `first` on. */
function someRows(count: number, first: number, share: number, random: () => number): number[] {
  const rows: number[] = []
  for (let row = 0; row < count; row++) if (random() < share) rows.push(first + row)
  return rows
}

describe('the kernels of bm25, with SIMD and without', () => {
  it('tests one memory with SIMD and one without', () => {
    expect(simd.kernels.run.addPostings.toString()).toContain('[native code]')
    expect(scalar.kernels.run.addPostings.toString()).not.toContain('[native code]')
  })

  it('add the bounds of postings to the sums of their rows', () => {
    const inputs = fc.record({
      share: fc.constantFrom(0, 0.01, 0.3, 1),
      first: fc.constantFrom(0, 4_096, 4_096 * 250),
      weight: fc.integer({ min: 1, max: 2 ** 20 }),
      seed: seeds,
    })
    fc.assert(
      fc.property(inputs, ({ share, first, weight, seed }) => {
        const random = sequence(seed)
        const rows = someRows(100, first, share, random)
        const impacts = whole(rows.length, 256, random)
        const before = whole(100, 2 ** 20, random)
        const add = (memory: WorkMemory): number[] => {
          const at = memory.i32(rows.length + 1)
          const bytes = memory.u8(rows.length + 1)
          const sums = memory.i32(100)
          at.set(rows)
          bytes.set(impacts)
          sums.set(before)
          const { addPostings } = memory.kernels.run
          const [rowsAt, impactsAt] = [at.byteOffset, bytes.byteOffset]
          addPostings(rowsAt, impactsAt, rows.length, weight, first, sums.byteOffset)
          return [...sums]
        }
        const expected = [...before]
        for (const [i, row] of rows.entries())
          expected[row - first] = (before[row - first] ?? 0) + weight * (impacts[i] ?? 0)
        expect(add(simd)).toEqual(expected)
        expect(add(scalar)).toEqual(expected)
      }),
      { numRuns: 60 },
    )
  })

  it('take the sums above a cut that are allowed, and leave zeros', () => {
    const inputs = fc.record({
      blocks: fc.integer({ min: 1, max: 12 }),
      cut: fc.constantFrom(0, 1, 500, 999, 2 ** 31 - 1),
      masked: fc.boolean(),
      seed: seeds,
    })
    fc.assert(
      fc.property(inputs, ({ blocks, cut, masked, seed }) => {
        const random = sequence(seed)
        const given = whole(blocks * 16, 1_000, random)
        const bits = whole(blocks, 2 ** 32, random)
        const take = (memory: WorkMemory): object => {
          const [sums, bounds] = [memory.i32(given.length), memory.i32(given.length)]
          const [rows, allowed] = [memory.u8(given.length * 2), memory.i32(blocks)]
          sums.set(given)
          allowed.set(bits)
          const count = memory.kernels.run.takeAbove(
            sums.byteOffset,
            given.length,
            cut,
            masked ? allowed.byteOffset : 0,
            rows.byteOffset,
            bounds.byteOffset,
          )
          const found = new Uint16Array(rows.buffer, rows.byteOffset, count)
          return { rows: [...found], bounds: [...bounds.subarray(0, count)], left: [...sums] }
        }
        const rows = [...given.keys()].filter(
          (row) =>
            (given[row] ?? 0) > cut &&
            (!masked || (((bits[row >>> 5] ?? 0) >>> (row & 31)) & 1) === 1),
        )
        const expected = {
          rows,
          bounds: rows.map((row) => given[row]),
          left: given.map(() => 0),
        }
        expect(take(simd)).toEqual(expected)
        expect(take(scalar)).toEqual(expected)
      }),
      { numRuns: 60 },
    )
  })
})
