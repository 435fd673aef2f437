import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lengthByte, ROUNDED_LENGTHS } from '../../adapters/stores/local/bm25/formula.ts'
import {
  checkBoosts,
  unitOf,
  weightedTerms,
} from '../../adapters/stores/local/bm25/weighted-terms.ts'
import type { LexicalSpec } from '../../src/core/vector-store.ts'
import {
  agree,
  chunkAt,
  K,
  KEPT_LENGTHS,
  QUERY,
  SPEC,
  searchOf,
  segmentOf,
  WORDS,
} from '../support/bm25.ts'
import { sequence } from '../support/hnsw-rows.ts'

const BOOSTED: LexicalSpec = { ...SPEC, boosts: { title: 2.5, headings: 1.25, body: 1 } }

describe('rounded lengths', () => {
  it('are those of Lucene', () => {
    expect([...ROUNDED_LENGTHS]).toEqual(KEPT_LENGTHS)
    // Lucene's LENGTH_TABLE.
    expect([...ROUNDED_LENGTHS.subarray(39, 60)]).toEqual([
      39, 40, 42, 44, 46, 48, 50, 52, 54, 56, 60, 64, 68, 72, 76, 80, 84, 88, 96, 104, 112,
    ])
    expect(ROUNDED_LENGTHS[255]).toBe(2_013_265_944)
  })

  it('round down, to the nearest whole number first', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (length) => {
        const byte = lengthByte(length)
        expect(ROUNDED_LENGTHS[byte]).toBeLessThanOrEqual(length)
        if (byte < 255) expect(ROUNDED_LENGTHS[byte + 1]).toBeGreaterThan(length)
      }),
    )
    expect([1.4, 1.5, 41.5, 1e12].map((length) => ROUNDED_LENGTHS[lengthByte(length)])).toEqual([
      1, 2, 42, 2_013_265_944,
    ])
  })
})

describe('fields with boosts', () => {
  const random = sequence(11)
  const words = (count: number): string =>
    Array.from(
      { length: Math.floor(random() * count) },
      () => `w${Math.floor(30 * random() ** 2)}`,
    ).join(' ')
  const fields = Array.from({ length: 5_000 }, () => ({
    title: random() < 0.3 ? null : words(4),
    headings: Array.from({ length: Math.floor(random() * 3) }, () => words(3)),
    text: words(12),
    context: 'never searched',
  }))

  it('find what a plain scan finds, bit for bit', async () => {
    const sixteenths: LexicalSpec = {
      ...SPEC,
      boosts: { title: 3.0625, headings: 0.5, body: 1.1875 },
    }
    const bodyless: LexicalSpec = { ...SPEC, boosts: { title: 64, headings: 1 / 16, body: 0 } }
    for (const spec of [BOOSTED, sixteenths, bodyless]) {
      const segment = segmentOf(fields, spec)
      const total = segment.rows.reduce((sum, { length }) => sum + length, 0)
      expect(segment.postings.lengthTotal).toBe(total)
      await fc.assert(
        fc.asyncProperty(QUERY, K, async (query, k) => {
          await agree(segment, searchOf(segment, query, { k }))
        }),
        { numRuns: 10 },
      )
      await agree(segment, searchOf(segment, ['never', 'searched']))
    }
  })

  it('weigh a word in the title by the title’s boost', () => {
    const chunk = chunkAt(0, { title: 'a b', headings: ['a', 'c a'], text: 'a a d', context: 'e' })
    const { terms, length } = weightedTerms(chunk, BOOSTED, WORDS)
    expect(Object.fromEntries(terms)).toEqual({ a: 2.5 + 2 * 1.25 + 2, b: 2.5, c: 1.25, d: 1 })
    expect(length).toBe(2 * 2.5 + 3 * 1.25 + 3)
    const plain = weightedTerms(chunk, SPEC, WORDS)
    expect(Object.fromEntries(plain.terms)).toEqual({ a: 2, d: 1, e: 1 })
    expect(plain.length).toBe(4)
  })

  it('count in the largest unit that all boosts are multiples of', () => {
    expect(unitOf(SPEC)).toBe(1)
    expect(unitOf(BOOSTED)).toBe(0.25)
    expect(unitOf({ boosts: { title: 4, headings: 2, body: 0 } })).toBe(2)
    expect(unitOf({ boosts: { title: 1.0625, headings: 1, body: 1 } })).toBe(1 / 16)
  })

  it('are refused where they are no multiples of 1/16 from 0 to 64', () => {
    const fine = { title: 2.0625, headings: 64, body: 0 }
    expect(() => checkBoosts(fine)).not.toThrow()
    for (const wrong of [-1, 64.0625, 0.1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => checkBoosts({ ...fine, headings: wrong })).toThrow(`headings is ${wrong};`)
    expect(() => checkBoosts({ title: 0, headings: 0, body: 0 })).toThrow('nothing')
  })
})
