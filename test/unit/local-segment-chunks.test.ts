import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Blocks } from '../../adapters/stores/local/blocks.ts'
import { blockReader } from '../../adapters/stores/local/segment/block-reader.ts'
import { buildChunks, sortRows } from '../../adapters/stores/local/segment/build-chunks.ts'
import { type Chunks, openChunks } from '../../adapters/stores/local/segment/open-chunks.ts'
import { decodeRecord, encodeRecord } from '../../adapters/stores/local/segment/record.ts'
import { QuarryError } from '../../src/core/errors.ts'
import type { Chunk, Metadata } from '../../src/core/model.ts'
import { seededRandom } from '../support/random.ts'

/** Of any encoding: ASCII, Latin-1, full Unicode, and lone surrogates. */
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((unit) => String.fromCharCode(unit)) }),
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
  fc.constantFrom('\ud800', 'a “quoted” word', '漢字かな', '__proto__', ''),
)
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(-0, 0, 1e308, 5e-324, 2 ** 53 + 2),
)
const value = fc.oneof(text, number, fc.boolean(), fc.array(text), fc.array(number))
/** `fromEntries` defines fields, so that one named `__proto__` is a field. */
const metadata: fc.Arbitrary<Metadata> = fc
  .array(fc.tuple(text, value), { maxLength: 5 })
  .map((fields) => Object.fromEntries(fields))
const count = fc.nat()

const chunk = fc
  .record(
    {
      id: text,
      documentId: fc.oneof(fc.constantFrom('a', 'b', 'ä', '漢'), text),
      revision: fc.maxSafeNat(),
      ordinal: count,
      span: fc.tuple(count, count).map(([start, end]) => ({ start, end })),
      text,
      context: fc.oneof(fc.constant('same'), text),
      title: fc.option(text),
      headings: fc.oneof(fc.constant(['same']), fc.array(text)),
      page: fc.option(count),
      metadata: fc.oneof(fc.constant({ same: -0 }), metadata),
    },
    { noNullPrototype: true },
  )
  .map((made) => made as unknown as Chunk)

const manyChunks = fc.uniqueArray(chunk, { selector: ({ id }) => id, maxLength: 30 })

function sorted(chunks: readonly Chunk[]): Chunk[] {
  return Array.from(sortRows(chunks), (at) => chunks[at] as Chunk)
}

function open(rows: readonly Chunk[]): Chunks {
  return openChunks(blockReader('chunks', buildChunks(rows)), rows.length)
}

function example(over: Partial<Record<keyof Chunk, unknown>>): Chunk {
  return {
    id: 'c0',
    documentId: 'd',
    revision: 1,
    ordinal: 0,
    span: { start: 0, end: 4 },
    text: 'text',
    context: 'Title › Heading',
    title: 'Title',
    headings: ['Heading'],
    page: null,
    metadata: { lang: 'en' },
    ...over,
  } as Chunk
}

describe('the stored chunks of a segment', () => {
  it('come back exactly, found by row, id and document', () => {
    fc.assert(
      fc.property(manyChunks, text, (chunks, other) => {
        const rows = sorted(chunks)
        const opened = open(rows)
        for (const [row, stored] of rows.entries()) {
          expect(isDeepStrictEqual(opened.chunkAt(row), stored)).toBe(true)
          expect(opened.rowOf(stored.id)).toBe(row)
          expect(opened.idAt(row)).toBe(stored.id)
          expect(opened.documentAt(row)).toBe(stored.documentId)
          expect(opened.revisionAt(row)).toBe(stored.revision)
          expect(opened.ordinalAt(row)).toBe(stored.ordinal)
          const { from, to } = opened.rowsOf(stored.documentId)
          const own = rows.filter(({ documentId }) => documentId === stored.documentId)
          expect(rows.slice(from, to)).toEqual(own)
        }
        if (!chunks.some(({ id }) => id === other)) expect(opened.rowOf(other)).toBe(-1)
        if (!chunks.some(({ documentId }) => documentId === other))
          expect(opened.rowsOf(other)).toEqual({ from: 0, to: 0 })
      }),
      { numRuns: 300 },
    )
  })

  it('compare by id as JavaScript compares strings', () => {
    fc.assert(
      fc.property(manyChunks, (chunks) => {
        const rows = sorted(chunks)
        const opened = open(rows)
        for (const [row, { id }] of rows.entries())
          for (const [other, { id: otherId }] of rows.entries())
            expect(opened.isBefore(row, other)).toBe(id < otherId)
      }),
    )
  })

  it('lie in the order of document and ordinal', () => {
    fc.assert(
      fc.property(manyChunks, (chunks) => {
        const keys = sorted(chunks).map(({ documentId, ordinal }) => ({ documentId, ordinal }))
        for (const [i, { documentId, ordinal }] of keys.slice(1).entries()) {
          const before = keys[i] ?? { documentId: '', ordinal: 0 }
          expect(before.documentId <= documentId).toBe(true)
          if (before.documentId === documentId) expect(before.ordinal).toBeLessThanOrEqual(ordinal)
        }
      }),
    )
  })

  it('are found among thousands, whatever of them is absent', () => {
    const rows = Array.from({ length: 5_000 }, (_, i) =>
      example({ id: `c${i * 2}`, documentId: `d${String(i).padStart(5, '0')}` }),
    )
    const opened = open(rows)
    for (let i = 0; i < 10_000; i++) expect(opened.rowOf(`c${i}`)).toBe(i % 2 === 0 ? i / 2 : -1)
  })

  it('keep what neighbours have in common once', () => {
    const metadata = { note: 'long '.repeat(100) }
    const neighbours = (made: (i: number) => Partial<Chunk>) =>
      Array.from({ length: 10 }, (_, i) => example({ id: `c${i}`, ordinal: i, ...made(i) }))
    const recordBytes = (rows: readonly Chunk[]) => buildChunks(rows)['records']?.length ?? 0
    const shared = recordBytes(neighbours(() => ({ metadata })))
    const apart = recordBytes(neighbours((i) => ({ metadata: { ...metadata, i } })))
    expect(apart - shared).toBeGreaterThan(9 * 500)
    const oneHeading = recordBytes(neighbours(() => ({})))
    const manyHeadings = recordBytes(neighbours((i) => ({ headings: [`Heading ${i}`] })))
    expect(manyHeadings - oneHeading).toBeGreaterThan(9 * 30)
  })

  it('refuse rows out of order and ids that come twice', () => {
    const [a, b] = [example({ id: 'a' }), example({ id: 'b', ordinal: 1 })]
    expect(() => buildChunks([b, a])).toThrow('out of order')
    expect(() => buildChunks([a, b, example({ id: 'a', ordinal: 2 })])).toThrow('in rows 0 and 2')
  })

  it('refuse blocks of another number of rows', () => {
    const blocks = buildChunks([example({})])
    for (const rows of [0, 2])
      expect(() => openChunks(blockReader('chunks', blocks), rows)).toThrow(QuarryError)
    const short = { ...blocks, record_starts: new Uint32Array(0) }
    expect(() => openChunks(blockReader('chunks', short), 1)).toThrow('not 1')
  })
})

describe('blocks with any numbers in them', () => {
  const rows = sorted(
    Array.from({ length: 40 }, (_, i) =>
      example({ id: `c${i}`, documentId: `d${i % 7}`, ordinal: i, text: `text ${i}`.repeat(9) }),
    ),
  )

  it('never make a call read elsewhere, hang, or throw anything but a QuarryError', () => {
    const random = seededRandom(3)
    const built = buildChunks(rows)
    let refused = 0
    for (let i = 0; i < 1_500; i++) {
      const names = Object.keys(built)
      const name = names[i % names.length] as string
      try {
        useAll(openChunks(blockReader('chunks', scrambled(built, name, random)), rows.length))
      } catch (error) {
        expect(error).toBeInstanceOf(QuarryError)
        refused++
      }
    }
    expect(refused).toBeGreaterThan(100)
  })

  it('find nothing in a table of ids without an end, and no text behind the last byte', () => {
    const built = buildChunks(rows)
    const full = { ...built, id_slots: new Uint32Array(64).fill(1) }
    expect(openChunks(blockReader('chunks', full), rows.length).rowOf('none')).toBe(-1)
    const cut = { ...built, records: (built['records'] as Uint8Array).subarray(0, -1) }
    const opened = openChunks(blockReader('chunks', cut), rows.length)
    expect(() => opened.chunkAt(rows.length - 1)).toThrow(QuarryError)
  })

  function scrambled(blocks: Blocks, name: string, random: () => number): Blocks {
    const data = blocks[name]?.slice() ?? new Uint8Array()
    const range = random() < 0.5 ? 100 : 2 ** 32
    for (let n = 0; n < 1 + random() * data.length; n++)
      data[Math.floor(random() * data.length)] = random() * range
    return { ...blocks, [name]: data }
  }

  function useAll(chunks: Chunks): void {
    for (const [row, { id, documentId }] of rows.entries()) {
      chunks.rowOf(id)
      chunks.idAt(row)
      chunks.isBefore(row, rows.length - 1 - row)
      chunks.rowsOf(documentId)
      chunks.documentAt(row)
      chunks.revisionAt(row)
      chunks.ordinalAt(row)
      chunks.chunkAt(row)
    }
  }
})

describe('a record', () => {
  it('stands for itself among others', () => {
    fc.assert(
      fc.property(chunk, fc.uint8Array(), fc.uint8Array(), (given, before, after) => {
        const record = encodeRecord(given)
        const shared = new Uint8Array(
          new SharedArrayBuffer(before.length + record.length + after.length),
        )
        shared.set(before)
        shared.set(record, before.length)
        shared.set(after, before.length + record.length)
        const decoded = decodeRecord(shared, before.length, before.length + record.length)
        expect(isDeepStrictEqual(decoded, given)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it('is refused where it is cut or is none', () => {
    const record = encodeRecord(example({ text: 'x'.repeat(200) }))
    for (let end = 0; end < record.length; end++)
      expect(() => decodeRecord(record, 0, end), `${end}`).toThrow(QuarryError)
  })

  it('takes the shortest encoding of its text', () => {
    const bytes = (given: string) => encodeRecord(example({ text: given })).length
    const empty = bytes('')
    expect(bytes('é'.repeat(100)) - empty).toBe(100)
    expect(bytes(`“${'e'.repeat(97)}`) - empty).toBe(100)
    expect(bytes('漢'.repeat(50)) - empty).toBe(100)
    expect(bytes(`😀${'e'.repeat(96)}`) - empty).toBe(100)
    for (const lone of ['\udfff', '\ud800']) {
      expect(bytes(`${lone}${'e'.repeat(49)}`) - empty).toBe(100)
      expect(bytes(`${'e'.repeat(49)}${lone}`) - empty).toBe(100)
    }
  })

  it('refuses a number that JSON lacks', () => {
    for (const no of [Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => encodeRecord(example({ metadata: { deep: [1, no] } }))).toThrow(
        'metadata of chunk c0',
      )
  })
})
