import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { countRows } from '../../adapters/stores/local/bitmap.ts'
import { createDeltaPostings } from '../../adapters/stores/local/bm25/delta-postings.ts'
import type { LexicalSearch } from '../../adapters/stores/local/bm25/segment-postings.ts'
import {
  type WeightedTerms,
  weightedTerms,
} from '../../adapters/stores/local/bm25/weighted-terms.ts'
import type { LexicalSpec } from '../../src/core/vector-store.ts'
import { never } from '../conformance/fixture.ts'
import {
  averageOf,
  type Counted,
  chunkAt,
  counted,
  hurry,
  K,
  QUERY,
  randomRows,
  reference,
  SPEC,
  searchOf,
  segmentOf,
  texts,
  WORDS,
  weighted,
} from '../support/bm25.ts'

const BOOSTED: LexicalSpec = { ...SPEC, boosts: { title: 2.5, headings: 1.25, body: 1 } }

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a delta’s postings', () => {
  it('find what a plain scan finds, bit for bit, whatever came and left', async () => {
    const step = fc.record({
      leaves: fc.boolean(),
      row: fc.nat(400),
      text: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 60 }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 120 }),
        QUERY,
        K,
        fc.option(fc.constantFrom(0.1, 0.7)),
        async (steps, words, k, share) => {
          const postings = createDeltaPostings(SPEC)
          const rows: (Counted | null)[] = []
          for (const { leaves, row, text } of steps) {
            if (leaves) {
              postings.remove(row)
              if (row < rows.length) rows[row] = null
              continue
            }
            const chunk = chunkAt(0, { text: text.map((word) => `w${word}`).join(' ') })
            postings.add(rows.length, weightedTerms(chunk, SPEC, WORDS))
            rows.push(counted(SPEC, chunk))
          }
          const total = rows.reduce((sum, row) => sum + (row?.length ?? 0), 0)
          expect(postings.lengthTotal).toBe(total)
          for (let word = 0; word < 11; word++)
            expect(postings.documentFrequency(`w${word}`)).toBe(
              rows.filter((row) => row?.tf.has(`w${word}`)).length,
            )
          const allowed = share === null ? null : randomRows(rows.length, share, 1)
          const search: LexicalSearch = {
            ...searchOf({ spec: SPEC, postings, rows: [] }, []),
            terms: weighted(words, rows),
            averageLength: averageOf(rows),
            k,
            allowed,
            allowedCount: allowed === null ? rows.length : countRows(allowed),
            floor: steps.length % 3 === 0 ? 0.7 : Number.NEGATIVE_INFINITY,
          }
          expect(await postings.search(search, never)).toEqual(reference(SPEC, rows, search))
        },
      ),
      { numRuns: 150 },
    )
  })

  it('score as a segment of the same rows does', async () => {
    for (const spec of [SPEC, BOOSTED]) {
      const fields = texts(800, 6, 90).map((of, row) => ({ ...of, title: `w${row % 50}` }))
      const segment = segmentOf(fields, spec)
      const delta = createDeltaPostings(spec)
      for (const [row, of] of fields.entries())
        delta.add(row, weightedTerms(chunkAt(row, of), spec, WORDS))
      expect(delta.lengthTotal).toBe(segment.postings.lengthTotal)
      for (const words of [['w0'], ['w3', 'w20', 'w1'], ['w41', 'w0', 'w59', 'w12']]) {
        const search = searchOf(segment, words, { k: 500 })
        expect(await delta.search(search, never)).toEqual(
          await segment.postings.search(search, never),
        )
      }
    }
  })

  it('show no row that came during a search', async () => {
    const rowOf = (text: string): WeightedTerms => weightedTerms(chunkAt(0, { text }), SPEC, WORDS)
    const delta = createDeltaPostings(SPEC)
    for (let row = 0; row < 50; row++) delta.add(row, rowOf('river stone'))
    const rows = Array.from({ length: 50 }, () =>
      counted(SPEC, chunkAt(0, { text: 'river stone' })),
    )
    const search = searchOf({ spec: SPEC, postings: delta, rows }, ['river', 'stone'], { k: 100 })
    hurry()
    const searching = delta.search(search, never)
    delta.add(50, rowOf('river stone stone'))
    expect(await searching).toEqual(reference(SPEC, rows, search))
  })

  it('take less memory when rows leave', () => {
    const delta = createDeltaPostings(SPEC)
    delta.add(0, weightedTerms(chunkAt(0, { text: 'a b c' }), SPEC, WORDS))
    const before = delta.bytes
    delta.remove(0)
    delta.remove(0)
    expect(delta.bytes).toBeLessThan(before)
    expect(delta.lengthTotal).toBe(0)
  })
})
