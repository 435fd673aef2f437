import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { IvfKernelFunctions } from '../../adapters/stores/local/ivf/kernels.ts'
import { type WorkMemory, workMemory } from '../../adapters/stores/local/ivf/work-memory.ts'
import { sequence, whole } from '../support/hnsw-rows.ts'

const RUNS = { numRuns: 40 }
const simd = workMemory()
const scalar = workMemory({ scalar: true })

/** What a kernel reads and writes, in one memory. */
interface Arrays {
  readonly work: WorkMemory
  readonly run: IvfKernelFunctions
  f32(numbers: ArrayLike<number>): Float32Array
  i32(numbers: ArrayLike<number>): Int32Array
  u8(numbers: ArrayLike<number>): Uint8Array
  i16(numbers: ArrayLike<number>): Int16Array
}

function arraysOf(work: WorkMemory): Arrays {
  return {
    work,
    run: work.kernels.run,
    f32: (numbers) => placed(work.f32(numbers.length), numbers),
    i32: (numbers) => placed(work.i32(numbers.length), numbers),
    u8: (numbers) => placed(work.u8(numbers.length), numbers),
    i16: (numbers) => {
      const { buffer, byteOffset } = work.u8(numbers.length * 2)
      return placed(new Int16Array(buffer, byteOffset, numbers.length), numbers)
    },
  }
}

function placed<Numbers extends { set(from: ArrayLike<number>): void }>(
  array: Numbers,
  numbers: ArrayLike<number>,
): Numbers {
  array.set(numbers)
  return array
}

/** Runs a kernel on both memories; they must write the same bits. Answers them. */
function both<Out extends Float32Array | Int32Array | Uint8Array>(
  run: (arrays: Arrays) => Out,
): Out {
  const [fast, slow] = [simd, scalar].map((work) => {
    const out = run(arraysOf(work))
    return { out, bytes: Buffer.from(out.buffer, out.byteOffset, out.byteLength).toString('hex') }
  })
  if (fast === undefined || slow === undefined) throw new Error('two memories were asked for')
  expect(fast.bytes).toBe(slow.bytes)
  return fast.out
}

/** Numbers of very different sizes, so that another order of sums gives other bits. */
function floats(count: number, random: () => number): Float32Array {
  return Float32Array.from({ length: count }, () => (random() - 0.5) * 10 ** (random() * 4))
}

function dot(a: Float32Array, from: number, b: Float32Array, at: number, width: number): number {
  let sum = 0
  for (let j = 0; j < width; j++) sum += (a[from + j] as number) * (b[at + j] as number)
  return sum
}

const seeds = fc.integer({ min: 1, max: 2 ** 31 - 1 })

describe('the kernels of ivf_pq, with SIMD and without', () => {
  it('tests one memory with SIMD and one without', () => {
    expect(simd.kernels.run.scoreRows.toString()).toContain('[native code]')
    expect(scalar.kernels.run.scoreRows.toString()).not.toContain('[native code]')
  })

  it('score rows by a query', () => {
    const sizes = fc.record({
      count: fc.nat(9),
      blocks: fc.integer({ min: 1, max: 9 }),
      seed: seeds,
    })
    fc.assert(
      fc.property(sizes, ({ count, blocks, seed }) => {
        const width = blocks * 16
        const random = sequence(seed)
        const [rows, query, offsets] = [
          floats(count * width, random),
          floats(width, random),
          floats(count, random),
        ]
        const keys = both(({ run, f32 }) => {
          const out = f32(new Float32Array(count + 1).fill(7))
          const at = [rows, offsets].map((numbers) => f32(numbers).byteOffset)
          run.scoreRows(at[0] ?? 0, at[1] ?? 0, count, width, f32(query).byteOffset, out.byteOffset)
          return out
        })
        expect(keys[count]).toBe(7)
        for (let i = 0; i < count; i++)
          expect(keys[i]).toBeCloseTo(dot(rows, i * width, query, 0, width) - (offsets[i] ?? 0), -3)
      }),
      RUNS,
    )
  })

  it('find the first of the nearest centroids', () => {
    const sizes = fc.record({
      count: fc.integer({ min: 1, max: 9 }),
      lists: fc.integer({ min: 1, max: 9 }),
      quarters: fc.integer({ min: 1, max: 9 }),
      seed: seeds,
    })
    fc.assert(
      fc.property(sizes, ({ count, lists, quarters, seed }) => {
        const [rows4, lists2, width] = [Math.ceil(count / 4) * 4, lists + (lists & 1), quarters * 4]
        const random = sequence(seed)
        // Small whole numbers have sums without rounding, and ties.
        const small = (length: number) =>
          Float32Array.from({ length }, () => Math.floor(random() * 3))
        const rows = small(rows4 * width)
        const centroids = small(lists2 * width)
        const halves = new Float32Array(lists2).fill(Number.POSITIVE_INFINITY)
        for (let c = 0; c < lists; c++)
          halves[c] = dot(centroids, c * width, centroids, c * width, width) / 2
        const nearest = both(({ run, f32, i32 }) => {
          const out = i32(new Int32Array(rows4))
          const at = [rows, centroids, halves].map((numbers) => f32(numbers).byteOffset)
          const [from = 0, points = 0, half = 0] = at
          run.nearestRows(from, rows4, width, points, half, lists2, out.byteOffset)
          return out
        })
        for (let i = 0; i < count; i++) {
          const keys = Array.from(
            { length: lists },
            (_, c) => dot(rows, i * width, centroids, c * width, width) - (halves[c] ?? 0),
          )
          expect(nearest[i]).toBe(keys.indexOf(Math.max(...keys)))
        }
      }),
      RUNS,
    )
  })

  it('find the nearest centroids of any floats with the same bits', () => {
    const random = sequence(11)
    const [rows, centroids, halves] = [
      floats(64 * 40, random),
      floats(30 * 40, random),
      floats(30, random),
    ]
    const nearest = both(({ run, f32, i32 }) => {
      const out = i32(new Int32Array(64))
      const [from = 0, points = 0, half = 0] = [rows, centroids, halves].map(
        (numbers) => f32(numbers).byteOffset,
      )
      run.nearestRows(from, 64, 40, points, half, 30, out.byteOffset)
      return out
    })
    expect(new Set(nearest).size).toBeGreaterThan(3)
  })
})

/** Subvectors with codebooks of 16 or 256 codes. */
const codebooks = fc.record({
  subvectors: fc.integer({ min: 1, max: 6 }),
  dimensions: fc.integer({ min: 1, max: 9 }),
  codes: fc.constantFrom(16, 256),
  count: fc.integer({ min: 1, max: 9 }),
  seed: seeds,
})

describe('the kernels of product codes', () => {
  it('score codebooks by a query', () => {
    fc.assert(
      fc.property(codebooks, ({ subvectors, dimensions, codes, seed }) => {
        const random = sequence(seed)
        const books = floats(subvectors * dimensions * codes, random)
        const query = floats(subvectors * dimensions, random)
        const tables = both(({ run, f32 }) => {
          const out = f32(new Float32Array(subvectors * codes))
          const [book = 0, asked = 0] = [books, query].map((numbers) => f32(numbers).byteOffset)
          run.scoreCodebooks(book, subvectors, dimensions, codes, asked, out.byteOffset)
          return out
        })
        const s = subvectors - 1
        let last = 0
        for (let j = 0; j < dimensions; j++)
          last +=
            (query[s * dimensions + j] ?? 0) *
            (books[(s * dimensions + j) * codes + codes - 1] ?? 0)
        expect(tables.at(-1)).toBeCloseTo(last, -3)
      }),
      RUNS,
    )
  })

  it('choose the first of the nearest codes', () => {
    fc.assert(
      fc.property(codebooks, ({ subvectors, dimensions, codes, count, seed }) => {
        const random = sequence(seed)
        const stride = subvectors * dimensions
        const rows = Float32Array.from(whole(count * stride, 3, random))
        const book = Float32Array.from(whole(dimensions * codes, 3, random))
        const halves = Float32Array.from({ length: codes }, (_, c) => {
          let squares = 0
          for (let j = 0; j < dimensions; j++) squares += (book[j * codes + c] ?? 0) ** 2
          return squares / 2
        })
        const s = subvectors - 1
        const chosen = both(({ run, f32, u8 }) => {
          const out = u8(new Uint8Array(count * subvectors).fill(99))
          const [from = 0, codebook = 0, half = 0] = [rows, book, halves].map(
            (numbers) => f32(numbers).byteOffset,
          )
          run.encodeRows(
            from + s * dimensions * 4,
            count,
            stride,
            dimensions,
            codebook,
            half,
            codes,
            out.byteOffset + s,
            subvectors,
          )
          return out
        })
        for (let i = 0; i < count; i++) {
          const keys = Array.from({ length: codes }, (_, c) => {
            let sum = -(halves[c] ?? 0)
            for (let j = 0; j < dimensions; j++)
              sum += (rows[i * stride + s * dimensions + j] ?? 0) * (book[j * codes + c] ?? 0)
            return sum
          })
          expect(chosen[i * subvectors + s]).toBe(keys.indexOf(Math.max(...keys)))
          if (s > 0) expect(chosen[i * subvectors]).toBe(99)
        }
      }),
      RUNS,
    )
  })

  it('score rows by codes of 8 bits, one after the other and each by its address', () => {
    fc.assert(
      fc.property(codebooks, ({ subvectors, count, seed }) => {
        const random = sequence(seed)
        const bytes = subvectors * 4
        const tables = floats(bytes * 256, random)
        const codes = whole(count * bytes, 256, random)
        const base = random() * 10
        const scan = both(({ run, f32, u8 }) => {
          const out = f32(new Float32Array(count))
          const table = f32(tables).byteOffset
          run.scoreCodes8(u8(codes).byteOffset, count, bytes, table, base, out.byteOffset)
          return out
        })
        const one = both(({ run, f32, u8, i32 }) => {
          const out = f32(new Float32Array(count))
          const from = u8(codes).byteOffset
          const at = i32(Array.from({ length: count }, (_, i) => from + (count - 1 - i) * bytes))
          run.scoreCodesAt8(at.byteOffset, count, bytes, f32(tables).byteOffset, out.byteOffset)
          return out
        })
        for (let i = 0; i < count; i++) {
          let sum = 0
          for (let s = 0; s < bytes; s++)
            sum += tables[s * 256 + (codes[i * bytes + s] ?? 0)] as number
          expect(scan[i]).toBeCloseTo(base + sum, -1)
          expect(one[count - 1 - i]).toBeCloseTo(sum, -1)
        }
      }),
      RUNS,
    )
  })

  it('score rows by codes of 4 bits, in blocks of 32 and each by its address', () => {
    const sizes = fc.record({
      blocks: fc.integer({ min: 1, max: 3 }),
      // 516 entries of 127 are the most that sixteen bits hold.
      pairs: fc.constantFrom(1, 2, 5, 258),
      seed: seeds,
      full: fc.boolean(),
    })
    fc.assert(
      fc.property(sizes, ({ blocks, pairs, seed, full }) => {
        const random = sequence(seed)
        const codes = whole(blocks * pairs * 32, 256, random)
        const entries = full ? new Array(pairs * 32).fill(127) : whole(pairs * 32, 128, random)
        const tables = floats(pairs * 32, random)
        const [scale, base] = [random() / 100, random() * 10]
        const scan = both(({ run, f32, u8 }) => {
          const out = f32(new Float32Array(blocks * 32))
          const [from, table] = [u8(codes).byteOffset, u8(entries).byteOffset]
          run.scoreCodes4(from, blocks, pairs, table, scale, base, out.byteOffset)
          return out
        })
        const one = both(({ run, f32, u8, i32 }) => {
          const out = f32(new Float32Array(blocks * 32))
          const from = u8(codes).byteOffset
          const at = i32(
            Array.from(
              { length: blocks * 32 },
              (_, row) => from + (row >> 5) * pairs * 32 + (row & 31),
            ),
          )
          const table = f32(tables).byteOffset
          run.scoreCodesAt4(at.byteOffset, blocks * 32, pairs, table, out.byteOffset)
          return out
        })
        for (let row = 0; row < blocks * 32; row++) {
          let sum = 0
          let exact = 0
          for (let pair = 0; pair < pairs; pair++) {
            const code = codes[((row >> 5) * pairs + pair) * 32 + (row & 31)] ?? 0
            const [low, high] = [pair * 32 + (code & 15), pair * 32 + 16 + (code >> 4)]
            sum += (entries[low] ?? 0) + (entries[high] ?? 0)
            exact += (tables[low] ?? 0) + (tables[high] ?? 0)
          }
          expect(scan[row]).toBeCloseTo(base + scale * sum, 2)
          expect(one[row]).toBeCloseTo(exact, -2)
        }
      }),
      RUNS,
    )
  })

  it('score int8 rows, at the greatest sums too, which single precision rounds', () => {
    const sizes = fc.record({
      blocks: fc.integer({ min: 1, max: 5 }),
      count: fc.integer({ min: 1, max: 9 }),
      seed: seeds,
      full: fc.boolean(),
    })
    fc.assert(
      fc.property(sizes, ({ blocks, count, seed, full }) => {
        const width = blocks * 16
        const random = sequence(seed)
        const codes = full
          ? new Array(count * width).fill(129)
          : whole(count * width, 255, random).map((code) => (code + 129) & 255)
        const query = full
          ? whole(width, 100, random).map((less) => 8_191 - less)
          : whole(width, 16_383, random).map((code) => code - 8_191)
        const scales = floats(count, random)
        const positions = whole(count, count, random)
        const step = random()
        const values = both(({ run, f32, u8, i16, i32 }) => {
          const out = f32(new Float32Array(count))
          run.rescoreRows(
            u8(codes).byteOffset,
            f32(scales).byteOffset,
            width,
            i32(positions).byteOffset,
            count,
            i16(query).byteOffset,
            step,
            out.byteOffset,
          )
          return out
        })
        for (const [i, position] of positions.entries()) {
          let sum = 0
          for (let j = 0; j < width; j++)
            sum += (((codes[position * width + j] ?? 0) << 24) >> 24) * (query[j] ?? 0)
          const expected = sum * (scales[position] ?? 0) * step
          expect(Math.abs((values[i] ?? 0) - expected)).toBeLessThanOrEqual(
            1e-6 * Math.abs(expected),
          )
        }
      }),
      RUNS,
    )
  })
})
