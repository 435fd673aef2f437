import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { addRow, emptyBitmap } from '../../adapters/stores/local/bitmap.ts'
import { createPostingsBuilder } from '../../adapters/stores/local/bm25/build-postings.ts'
import { openPostings } from '../../adapters/stores/local/bm25/open-postings.ts'
import { openMemory } from '../../adapters/stores/local/memory/open-memory.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { never } from '../conformance/fixture.ts'
import { placeBlocks } from '../support/blocks-in-memory.ts'
import {
  agree,
  averageOf,
  chunkAt,
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
} from '../support/bm25.ts'
import { sequence } from '../support/hnsw-rows.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a segment’s postings', () => {
  const large = segmentOf(texts(10_000, 1))
  const small = segmentOf(texts(700, 2, 60))

  it('find what a plain scan finds, bit for bit', async () => {
    for (const segment of [large, small])
      await fc.assert(
        fc.asyncProperty(QUERY, K, async (words, k) => {
          await agree(segment, searchOf(segment, words, { k }))
        }),
        { numRuns: 20 },
      )
  })

  it('find the same without SIMD', async () => {
    const memory = openMemory({ bytesMax: 2 ** 26, scalar: true })
    const segment = segmentOf(texts(10_000, 1), SPEC, memory)
    const allowed = randomRows(segment.rows.length, 0.3, 4)
    await fc.assert(
      fc.asyncProperty(QUERY, K, async (words, k) => {
        await agree(segment, searchOf(segment, words, { k }))
        await agree(segment, searchOf(segment, words, { k, allowed }))
      }),
      { numRuns: 10 },
    )
  })

  it('score with other averages and weights than their own', async () => {
    const average = averageOf(large.rows)
    await fc.assert(
      fc.asyncProperty(
        QUERY,
        K,
        fc.constantFrom(0.01, 0.3, 0.95, 1.05, 3, 100),
        fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
        async (words, k, stretch, weight) => {
          const search = searchOf(large, words, { k, averageLength: average * stretch })
          const terms = search.terms.map((term, i) =>
            i === 0 ? { ...term, weight: term.weight * weight } : term,
          )
          await agree(large, { ...search, terms })
        },
      ),
      { numRuns: 20 },
    )
  })

  it('score with any k1 and b', async () => {
    for (const k1 of [0, 0.3, 10])
      for (const b of [0, 1]) {
        const segment = segmentOf(texts(4_200, 7), { ...SPEC, k1, b })
        for (const words of [['w0'], ['w0', 'w4', 'w19'], ['w30', 'w2', 'w58']])
          await agree(segment, searchOf(segment, words, { k: 30 }))
      }
  })

  it('keep to the allowed rows, few or many', async () => {
    await fc.assert(
      fc.asyncProperty(
        QUERY,
        K,
        fc.constantFrom(0, 0.0005, 0.01, 0.1, 0.5, 0.97, 0.9999, 1),
        fc.nat(1_000),
        async (words, k, share, seed) => {
          const allowed = randomRows(large.rows.length, share, seed)
          await agree(large, searchOf(large, words, { k, allowed }))
        },
      ),
      { numRuns: 30 },
    )
  })

  it('keep to allowed rows that all lie in one window', async () => {
    const allowed = emptyBitmap(large.rows.length)
    for (let row = 8_300; row < 9_900; row++) addRow(allowed, row)
    for (const words of [['w0'], ['w0', 'w5', 'w40'], ['w50', 'w55']])
      await agree(large, searchOf(large, words, { allowed, k: 25 }))
  })

  it('find the one allowed row of a window', async () => {
    const wanted = [0, 31, 32, 4_095, 4_096, 5_000, 8_191]
    const fields = texts(8_200, 8).map((of, row) =>
      wanted.includes(row) ? { ...of, text: `${of.text} rare` } : of,
    )
    const segment = segmentOf(fields)
    for (const row of wanted) {
      const allowed = emptyBitmap(fields.length)
      addRow(allowed, row)
      const { rows } = await segment.postings.search(
        searchOf(segment, ['rare'], { allowed }),
        never,
      )
      expect(rows).toEqual([row])
    }
  })

  it('leave out no row that reaches the floor', async () => {
    const queries = [['w0', 'w1', 'w2'], ['w9', 'w4'], ['w40', 'w2', 'w0', 'w17', 'w55'], ['w30']]
    for (const [i, words] of queries.entries())
      for (const share of [1, 0.01]) {
        const allowed = share === 1 ? null : randomRows(large.rows.length, share, i)
        const whole = searchOf(large, words, { k: 50, allowed })
        const { scores } = reference(SPEC, large.rows, whole)
        for (const floor of [0, 1, 3, 7, 19, 30].map((rank) => scores[rank] ?? 0)) {
          await agree(large, { ...whole, k: 20, floor })
          await agree(large, { ...whole, k: 20, floor: floor + 1e-12 })
        }
      }
  })

  it('find the best of every word', async () => {
    for (let word = 0; word < 60; word += 3)
      for (const k of [10, 100]) await agree(small, searchOf(small, [`w${word}`], { k }))
  })

  it('find all rows where k is above their number', async () => {
    for (const segment of [large, small])
      await agree(segment, searchOf(segment, ['w3', 'w0', 'w20'], { k: Number.MAX_SAFE_INTEGER }))
  })

  it('count a term that the query gives twice', async () => {
    await agree(large, searchOf(large, ['w7', 'w30', 'w7', 'w7'], { k: 50 }))
  })

  it('take queries of a thousand terms', async () => {
    const random = sequence(9)
    const many = segmentOf(
      Array.from({ length: 4_500 }, () => ({
        text: Array.from({ length: 12 }, () => `t${Math.floor(1_500 * random() ** 2)}`).join(' '),
      })),
    )
    const words = Array.from({ length: 1_000 }, (_, i) => `t${i}`)
    await agree(many, searchOf(many, words, { k: 40 }))
    await agree(many, searchOf(many, words.slice(0, 65), { k: 1 }))
  })

  it('count rows and lengths, and find nothing where nothing is', async () => {
    for (let word = 0; word < 62; word++) {
      const df = large.rows.filter(({ tf }) => tf.has(`w${word}`)).length
      expect(large.postings.documentFrequency(`w${word}`)).toBe(df)
    }
    expect(large.postings.documentFrequency('unknown')).toBe(0)
    const total = large.rows.reduce((sum, { length }) => sum + length, 0)
    expect(large.postings.lengthTotal).toBe(total)
    await agree(large, searchOf(large, ['unknown']))
    await agree(large, searchOf(large, []))
    await agree(large, searchOf(large, ['w0'], { k: 0 }))
    for (const fields of [[], [{ text: '' }]]) {
      const empty = segmentOf(fields)
      expect(empty.postings.lengthTotal).toBe(0)
      await agree(empty, searchOf(empty, ['w0']))
    }
  })

  it('keep any two terms apart', async () => {
    const terms = [
      'a',
      'ab',
      'é',
      'e\u0301',
      '日本',
      '\ud800',
      '\udfff',
      '\ufffd',
      '😀',
      '__proto__',
    ]
    const segment = segmentOf(terms.map((text) => ({ text })))
    for (const term of terms) {
      expect(segment.postings.documentFrequency(term)).toBe(1)
      await agree(segment, searchOf(segment, [term]))
    }
    expect(segment.postings.documentFrequency('\ud83d')).toBe(0)
    const long = 'x'.repeat(70_000)
    expect(segmentOf([{ text: `${long} ${long}y` }]).postings.documentFrequency(long)).toBe(1)
  })

  it('keep a hundred thousand terms apart', () => {
    const segment = segmentOf(
      Array.from({ length: 100 }, (_, row) => ({
        text: Array.from({ length: 1_000 }, (_, i) => `${row * 1_000 + i}`).join(' '),
      })),
    )
    for (let i = 0; i < 100_000; i += 7)
      if (segment.postings.documentFrequency(`${i}`) !== 1) expect.fail(`term ${i} is lost`)
    expect(segment.postings.documentFrequency('100000')).toBe(0)
  })

  it('keep frequencies above a byte', async () => {
    const fields = [254, 255, 256, 700, 70_000, 1].map((times, row) => ({
      text: `${'often '.repeat(times)}${row % 2 === 0 ? 'too' : 'also '.repeat(300)}`,
    }))
    const segment = segmentOf([...fields, ...texts(100, 3)])
    for (const words of [['often'], ['also'], ['too', 'often', 'also']])
      await agree(segment, searchOf(segment, words))
  })

  it('are refused for another number of rows', () => {
    const builder = createPostingsBuilder(SPEC, WORDS)
    builder.add(chunkAt(0, { text: 'one' }))
    const { region, reader } = placeBlocks(openMemory({ bytesMax: 2 ** 20 }), builder.finish())
    expect(() => openPostings(reader, 2, SPEC, region.kernels)).toThrow(QuarryError)
  })

  it('may be searched many times at once, though every search pauses', async () => {
    const allowed = [
      null,
      randomRows(large.rows.length, 0.6, 4),
      randomRows(large.rows.length, 0.003, 4),
    ]
    const searches = [
      ['w1', 'w9', 'w33'],
      ['w0', 'w2', 'w4', 'w50'],
      ['w58', 'w59'],
    ].flatMap((words) =>
      allowed.map((rows, i) =>
        searchOf(large, words, { k: [60, 1_000, 30][i] ?? 0, allowed: rows }),
      ),
    )
    hurry()
    const order: number[] = []
    const found = await Promise.all(
      searches.map(async (search, i) => {
        const answer = await large.postings.search(search, never)
        order.push(i)
        return answer
      }),
    )
    for (const [i, search] of searches.entries())
      expect(found[i]).toEqual(reference(SPEC, large.rows, search))
    // They took turns: the short ones came to their end before those that began earlier.
    expect(order).not.toEqual([...order].sort((a, b) => a - b))
  })

  it('stop searching when the caller gives up', async () => {
    hurry()
    const gaveUp = new Error('too late')
    const caller = new AbortController()
    const search = large.postings.search(searchOf(large, ['w0', 'w3']), caller.signal)
    caller.abort(gaveUp)
    await expect(search).rejects.toBe(gaveUp)
    vi.restoreAllMocks()
    await agree(large, searchOf(large, ['w0', 'w3']))
  })
})
