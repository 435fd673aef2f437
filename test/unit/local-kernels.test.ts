import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compileKernels,
  digestSources,
  renderArtefact,
} from '../../adapters/kernels/assembly-script.ts'
import { SOURCES_SHA256 } from '../../adapters/stores/local/kernels/artefact.ts'
import { ARTEFACT, SOURCES } from '../../adapters/stores/local/kernels/build.ts'
import type { Kernels } from '../../adapters/stores/local/memory/kernels.ts'
import { openMemory } from '../../adapters/stores/local/memory/open-memory.ts'

describe('the compiled kernels', () => {
  it('are those of the sources', () => {
    expect(SOURCES_SHA256).toBe(digestSources(SOURCES))
    expect(readFileSync(ARTEFACT, 'utf8')).toBe(renderArtefact(SOURCES, compileKernels(SOURCES)))
  }, 60_000)
})

/** Random numbers of 32 bits: xorshift. */
function randomOf(seed: number): () => number {
  let state = seed | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

interface Inputs {
  readonly dimensions: number
  readonly rows: number
  readonly k: number
  readonly floor: number
  readonly listed: boolean
  readonly masked: boolean
  readonly seed: number
}

/** Runs the kernels over the same bytes; everything they wrote. */
function runAll(scalar: boolean, inputs: Inputs): Record<string, readonly number[]> {
  const { dimensions, rows, k, floor, listed, masked, seed } = inputs
  const random = randomOf(seed)
  const share = (): number => random() / 2 ** 32
  const stride = Math.ceil(dimensions / 16) * 16
  const memory = openMemory({ bytesMax: 2 ** 26, scalar })
  const region = memory.allocate(rows * (stride + 4 * dimensions + 32) + 4_096)
  const { kernels } = region
  const at = (part: number): Float64Array => region.f64(part * rows * 8, rows)
  const [multipliers, addends, errors, norms] = [0, 1, 2, 3].map(at) as Float64Array[]
  const floats = region.f32(32 * rows, rows * dimensions).map(() => share() - 0.5)
  region.f32(32 * rows, rows * dimensions).set(floats)
  const codes = region.i8(rows * (32 + 4 * dimensions), rows * stride)
  for (let i = 0; i < codes.length; i++) codes[i] = (random() % 255) - 127
  multipliers?.set(Array.from({ length: rows }, share))
  addends?.set(Array.from({ length: rows }, () => -share()))
  errors?.set(Array.from({ length: rows }, () => share() * 1e4))
  norms?.set(Array.from({ length: rows }, () => share() * 1e4))
  const scratch = kernels.takeScratch()
  for (let i = 0; i < stride; i++) scratch.query16[i] = (random() % 16_000) - 8_000
  for (let i = 0; i < dimensions; i++) scratch.query64[i] = share() - 0.5
  scratch.terms.set([0.01, 0.5, 0.25, -0.125, 3])
  scratch.heap.fill(Number.NEGATIVE_INFINITY, 0, k)
  for (let i = 0; i < rows; i++) scratch.list[i] = masked ? random() : (i * 7) % rows
  const list = scratch.list.byteOffset
  const found = kernels.run.scanRows(
    codes.byteOffset,
    stride,
    at(0).byteOffset,
    at(1).byteOffset,
    at(2).byteOffset,
    at(3).byteOffset,
    listed && !masked ? list : 0,
    masked ? list : 0,
    0,
    rows,
    scratch.query16.byteOffset,
    scratch.terms.byteOffset,
    scratch.heap.byteOffset,
    k,
    floor,
    scratch.rows.byteOffset,
    scratch.bounds.byteOffset,
  )
  const results = {
    rows: [...scratch.rows.subarray(0, found)],
    bounds: [...scratch.bounds.subarray(0, found)],
    heap: [...scratch.heap.subarray(0, k)],
  }
  for (let i = 0; i < rows; i++) scratch.rows[i] = (i * 5) % rows
  const compared = (name: 'dotRows' | 'distanceRows'): number[] => compare(name, kernels, inputs)
  const compare = (name: 'dotRows' | 'distanceRows', { run }: Kernels, of: Inputs): number[] => {
    const listedAt = scratch.rows.byteOffset
    const query = scratch.query64.byteOffset
    run[name](32 * of.rows + region.u8.byteOffset, dimensions, listedAt, rows, query, values)
    return [...scratch.values.subarray(0, rows)]
  }
  const values = scratch.values.byteOffset
  return { ...results, dots: compared('dotRows'), distances: compared('distanceRows') }
}

describe('the kernels of the exact search', () => {
  it('give the same bits with SIMD and without', () => {
    const inputs = fc.record({
      dimensions: fc.integer({ min: 1, max: 70 }),
      rows: fc.integer({ min: 0, max: 90 }),
      k: fc.integer({ min: 0, max: 40 }),
      floor: fc.constantFrom(Number.NEGATIVE_INFINITY, 0, 5_000),
      listed: fc.boolean(),
      masked: fc.boolean(),
      seed: fc.integer(),
    })
    fc.assert(
      fc.property(inputs, (given) => {
        expect(runAll(false, given)).toEqual(runAll(true, given))
      }),
      { numRuns: 150 },
    )
  })

  it('find every allowed row with k = 0 and no floor, and no other', () => {
    const given = {
      dimensions: 20,
      rows: 60,
      k: 0,
      floor: Number.NEGATIVE_INFINITY,
      listed: false,
      masked: false,
      seed: 5,
    }
    const all = runAll(false, given)['rows'] ?? []
    expect(all).toEqual(Array.from({ length: 60 }, (_, row) => row))
    const masked = runAll(false, { ...given, masked: true })['rows'] ?? []
    expect(masked.length).toBeGreaterThan(10)
    expect(masked.length).toBeLessThan(50)
    expect(runAll(false, { ...given, listed: true })['rows']?.slice(0, 3)).toEqual([0, 7, 14])
  })
})
