import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FreeList } from '../../adapters/stores/local/memory/free-list.ts'
import type { Region } from '../../adapters/stores/local/memory/memory.ts'
import { openMemory } from '../../adapters/stores/local/memory/open-memory.ts'
import { QuarryError } from '../../src/core/errors.ts'

const KIB = 1_024

describe('FreeList', () => {
  it('never hands out what overlaps, and is as new when all came back', () => {
    const step = fc.oneof(
      fc.record({ take: fc.integer({ min: 1, max: 50 }) }),
      fc.record({ give: fc.nat({ max: 30 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const list = new FreeList(7)
        const held: { start: number; end: number }[] = []
        for (const each of steps) {
          if ('take' in each) {
            const start = list.take(each.take, 400)
            if (start === null) continue
            const end = start + each.take
            expect(start).toBeGreaterThanOrEqual(7)
            expect(end).toBeLessThanOrEqual(400)
            for (const other of held) expect(start >= other.end || end <= other.start).toBe(true)
            held.push({ start, end })
          } else {
            const [back] = held.splice(each.give % Math.max(1, held.length), 1)
            if (back !== undefined) list.give(back.start)
          }
        }
        for (const { start } of held) list.give(start)
        expect(list.end).toBe(7)
        expect(list.take(393, 400)).toBe(7)
      }),
      { numRuns: 300 },
    )
  })

  it('uses the first gap that is wide enough', () => {
    const list = new FreeList(0)
    const starts = [10, 20, 10, 20, 10].map((bytes) => list.take(bytes, 100) as number)
    expect(starts).toEqual([0, 10, 30, 40, 60])
    list.give(10)
    list.give(40)
    expect(list.take(15, 100)).toBe(10)
    expect(list.take(15, 100)).toBe(40)
    expect(list.take(5, 100)).toBe(25)
    expect(list.end).toBe(70)
  })

  it('fails for what was not taken', () => {
    expect(() => new FreeList(0).give(0)).toThrow(QuarryError)
  })
})

describe('openMemory', () => {
  it('hands out aligned regions that never touch and lose nothing as the memory grows', () => {
    const memory = openMemory({ bytesMax: 256 * 2 ** 20 })
    const regions: Region[] = []
    for (let i = 0; i < 40; i++) {
      const region = memory.allocate(1 + i * 100_003)
      region.u8.fill(i + 1)
      regions.push(region)
    }
    for (const [i, region] of regions.entries()) {
      expect(region.u8.byteOffset % 64).toBe(0)
      expect(region.u8.length).toBe(1 + i * 100_003)
      expect(region.u8.every((byte) => byte === i + 1)).toBe(true)
      expect(region.kernels.addressOf(region.u8)).toBe(region.u8.byteOffset)
    }
    expect(memory.bytesUsed).toBeGreaterThan(78_000_000)
    for (const region of regions) region.free()
    expect(memory.bytesUsed).toBe(0)
  })

  it('opens further arenas where one is full, each with its own kernels', () => {
    const memory = openMemory({ bytesMax: 4 * 64 * KIB, arenaBytesMax: 64 * KIB })
    const regions = [1, 2, 3, 4].map(() => memory.allocate(48 * KIB))
    expect(new Set(regions.map(({ kernels }) => kernels)).size).toBe(4)
    const [first, second] = regions as [Region, Region]
    expect(() => first.kernels.addressOf(second.u8)).toThrow(/another memory/)
    expect(() => first.kernels.addressOf(new Uint8Array(8))).toThrow(/another memory/)
    second.free()
    expect(memory.allocate(40 * KIB).kernels).toBe(second.kernels)
  })

  it('refuses what goes beyond the budget and says how much there is', () => {
    const memory = openMemory({ bytesMax: 1_000 * 64 })
    const region = memory.allocate(999 * 64)
    expect(() => memory.allocate(65)).toThrow(
      expect.objectContaining({
        code: 'unavailable',
        message: expect.stringMatching(/^128 bytes .* 63936 of 64000/),
        details: expect.objectContaining({ asked: 128, used: 63_936, max: 64_000 }),
      }),
    )
    expect(memory.bytesUsed).toBe(999 * 64)
    memory.allocate(64)
    region.free()
    expect(memory.allocate(999 * 64).bytes).toBe(999 * 64)
  })

  it('refuses a region that no arena can hold', () => {
    const memory = openMemory({ bytesMax: 2 ** 40, arenaBytesMax: 64 * KIB })
    expect(() => memory.allocate(64 * KIB + 1)).toThrow(/a piece has at most 65536/)
  })

  it('fails where a region is freed twice', () => {
    const region = openMemory({ bytesMax: 64 }).allocate(1)
    region.free()
    expect(() => region.free()).toThrow(/twice/)
  })

  it('has room for searches where regions have taken all of an arena', () => {
    const { kernels } = openMemory({ bytesMax: 2 ** 20, arenaBytesMax: 64 }).allocate(64)
    const scratch = kernels.takeScratch()
    expect(kernels.takeScratch().bytes.byteOffset).not.toBe(scratch.bytes.byteOffset)
    kernels.giveScratch(scratch)
    expect(kernels.takeScratch()).toBe(scratch)
    const bytes = kernels.takeBytes(100_000)
    expect(bytes.length).toBeGreaterThanOrEqual(100_000)
    kernels.giveBytes(bytes)
    expect(kernels.takeBytes(100_000).byteOffset).toBe(bytes.byteOffset)
  })
})
