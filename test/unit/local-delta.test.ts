import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Memory } from '../../adapters/stores/local/memory/memory.ts'
import { openMemory } from '../../adapters/stores/local/memory/open-memory.ts'
import { Delta } from '../../adapters/stores/local/shard/delta.ts'
import type { IndexSpec } from '../../src/core/vector-store.ts'
import { chunkOf, never, vectorOf } from '../conformance/fixture.ts'
import {
  averageOf,
  type Counted,
  counted,
  reference,
  SPEC,
  WORDS,
  weighted,
} from '../support/bm25.ts'

const DIMENSIONS = 4
const INDEX: IndexSpec = {
  dense: { dimensions: DIMENSIONS, metric: 'dot', algorithm: { kind: 'flat' } },
  lexical: SPEC,
}

/** How many more allocations succeed before one fails; below 0 none fails. */
let left = -1

function allocated(): void {
  if (left === 0) throw new RangeError('no memory')
  left -= 1
}

function countingLengths<T extends new (...given: never[]) => object>(Type: T): T {
  return new Proxy(Type, {
    construct(target, given, newTarget) {
      if (typeof given[0] === 'number') allocated()
      return Reflect.construct(target, given, newTarget) as object
    },
  })
}

const GROWING = [Uint8Array, Uint32Array]

beforeEach(() => {
  vi.stubGlobal('SharedArrayBuffer', countingLengths(SharedArrayBuffer))
  // What grows asks the array that it has for its type.
  for (const Type of GROWING) setType(Type.prototype, countingLengths<new () => object>(Type))
})

afterEach(() => {
  vi.unstubAllGlobals()
  for (const Type of GROWING) setType(Type.prototype, Type)
})

function setType(prototype: object, value: unknown): void {
  Object.defineProperty(prototype, 'constructor', { value, configurable: true, writable: true })
}

function countingMemory(): Memory {
  const memory = openMemory({ bytesMax: 2 ** 26 })
  return {
    bytesMax: memory.bytesMax,
    bytesUsed: 0,
    note: (bytes) => memory.note(bytes),
    allocate(bytes) {
      allocated()
      return memory.allocate(bytes)
    },
  }
}

const STEP = fc.record({
  words: fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 30 }),
  failsAfter: fc.oneof(fc.constant(-1), fc.nat(6)),
})

describe('a delta for which memory runs out', () => {
  it('has a row as a whole or not at all', async () => {
    let failures = 0
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 40, maxLength: 160 }), async (steps) => {
        const lexical = { spec: SPEC, analyzer: WORDS }
        const delta = new Delta({ index: INDEX, lexical, memory: countingMemory() })
        const rows: Counted[] = []
        const vectors: Float32Array[] = []
        for (const [at, { words, failsAfter }] of steps.entries()) {
          const vector = vectorOf(at, DIMENSIONS)
          const text = words.map((word) => `w${word}`).join(' ')
          const chunk = chunkOf(`c${at}`, { text, vector })
          left = failsAfter
          try {
            delta.add(chunk, null)
            rows.push(counted(SPEC, chunk))
            vectors.push(vector)
          } catch (error) {
            expect(error).toEqual(new RangeError('no memory'))
            failures += 1
          } finally {
            left = -1
          }
        }
        expect(delta.end).toBe(rows.length)
        const all = {
          k: rows.length,
          allowed: null,
          allowedCount: rows.length,
          floor: Number.NEGATIVE_INFINITY,
          isBefore: (row: number, other: number) => row < other,
        }
        const words = Array.from({ length: 401 }, (_, word) => `w${word}`)
        const search = { ...all, terms: weighted(words, rows), averageLength: averageOf(rows) }
        expect(await delta.searchLexical(search.terms, search.averageLength, all, never)).toEqual(
          reference(SPEC, rows, search),
        )
        const query = vectorOf(-1, DIMENSIONS)
        const dense = await delta.searchDense(query, all, never)
        const nearest = [...vectors.keys()].sort((a, b) => dot(b) - dot(a))
        expect(dense.rows).toEqual(nearest)

        function dot(row: number): number {
          return query.reduce((sum, x, i) => sum + x * (vectors[row]?.[i] ?? 0), 0)
        }
      }),
      { numRuns: 60 },
    )
    expect(failures).toBeGreaterThan(100)
  })
})
