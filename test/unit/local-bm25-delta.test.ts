import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { countRows, removeRow } from '../../adapters/stores/local/bitmap.ts'
import type { RowTerms } from '../../adapters/stores/local/bm25/count-terms.ts'
import { DeltaPostings } from '../../adapters/stores/local/bm25/delta-postings.ts'
import type { LexicalSearch } from '../../adapters/stores/local/bm25/segment-postings.ts'
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
          const postings = new DeltaPostings(SPEC, WORDS)
          const rows: (Counted | null)[] = []
          const termsOf: RowTerms[] = []
          for (const { leaves, row, text } of steps) {
            if (leaves) {
              if ((rows[row] ?? null) === null) continue
              postings.remove(termsOf[row] as RowTerms)
              rows[row] = null
              continue
            }
            const chunk = chunkAt(0, { text: text.map((word) => `w${word}`).join(' ') })
            termsOf.push(postings.count(chunk).slice())
            postings.add(rows.length, postings.count(chunk))
            rows.push(counted(SPEC, chunk))
          }
          const total = rows.reduce((sum, row) => sum + (row?.length ?? 0), 0)
          expect(postings.lengthTotal).toBe(total)
          for (let word = 0; word < 11; word++)
            expect(postings.documentFrequency(`w${word}`)).toBe(
              rows.filter((row) => row?.tf.has(`w${word}`)).length,
            )
          const allowed = randomRows(rows.length, share ?? 1, 1)
          for (const [row, counts] of rows.entries()) if (counts === null) removeRow(allowed, row)
          const isAll = share === null && !rows.includes(null)
          const search: LexicalSearch = {
            ...searchOf({ spec: SPEC, postings, rows: [] }, []),
            terms: weighted(words, rows),
            averageLength: averageOf(rows),
            k,
            allowed: isAll ? null : allowed,
            allowedCount: countRows(allowed),
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
      const delta = new DeltaPostings(spec, WORDS)
      for (const [row, of] of fields.entries()) delta.add(row, delta.count(chunkAt(row, of)))
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
    const delta = new DeltaPostings(SPEC, WORDS)
    const add = (row: number, text: string): void => {
      delta.add(row, delta.count(chunkAt(row, { text })))
    }
    for (let row = 0; row < 50; row++) add(row, 'river stone')
    const rows = Array.from({ length: 50 }, () =>
      counted(SPEC, chunkAt(0, { text: 'river stone' })),
    )
    const search = searchOf({ spec: SPEC, postings: delta, rows }, ['river', 'stone'], { k: 100 })
    hurry()
    const searching = delta.search(search, never)
    add(50, 'river stone stone')
    expect(await searching).toEqual(reference(SPEC, rows, search))
  })

  it('keep what others count apart, though all remember terms by the same hints', async () => {
    const deltas = [new DeltaPostings(SPEC, WORDS), new DeltaPostings(SPEC, WORDS)]
    const fields = texts(300, 9, 40)
    for (const [row, of] of fields.entries())
      for (const [number, delta] of deltas.entries())
        if (row % (number + 2) !== 0) delta.add(row, delta.count(chunkAt(row, of)))
        else delta.add(row, delta.count(chunkAt(row, { text: `only${number} in${row}` })))
    for (const [number, delta] of deltas.entries()) {
      const rows = fields.map((of, row) =>
        counted(
          SPEC,
          chunkAt(row, row % (number + 2) !== 0 ? of : { text: `only${number} in${row}` }),
        ),
      )
      for (const words of [
        ['w0', 'w7'],
        ['only0', 'w3'],
        ['only1', 'in6', 'w20'],
      ]) {
        const search = searchOf({ spec: SPEC, postings: delta, rows }, words, { k: 200 })
        expect(await delta.search(search, never)).toEqual(reference(SPEC, rows, search))
      }
    }
  })

  it('say what they take', () => {
    const delta = new DeltaPostings(SPEC, WORDS)
    let postings = 0
    for (const [row, of] of texts(2_000, 5, 60).entries()) {
      const terms = delta.count(chunkAt(row, of))
      postings += (terms.length - 1) / 2
      delta.add(row, terms)
    }
    expect(delta.bytes).toBeGreaterThan(postings * 8)
    expect(delta.bytes).toBeLessThan(postings * 24)
  })
})
