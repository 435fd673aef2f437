import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Blocks } from '../../adapters/stores/local/blocks.ts'
import { mergePostings, type RowOrder } from '../../adapters/stores/local/bm25/merge-postings.ts'
import {
  BEST_RANKS,
  fromBlocks,
  type PostingArrays,
  unitsAt,
} from '../../adapters/stores/local/bm25/postings-blocks.ts'
import { findTerm } from '../../adapters/stores/local/bm25/term-table.ts'
import { blockReader } from '../../adapters/stores/local/segment/block-reader.ts'
import type { LexicalSpec } from '../../src/core/vector-store.ts'
import { blocksOf, type Fields, SPEC, texts, WORDS } from '../support/bm25.ts'
import { sequence } from '../support/hnsw-rows.ts'

const BOOSTED: LexicalSpec = { ...SPEC, boosts: { title: 2.5, headings: 1.5, body: 0.5 } }

/** All that a segment knows of each term of its rows, whatever its number is. */
function meaningOf(blocks: Blocks, rows: readonly Partial<Fields>[]): object {
  const postings = fromBlocks(blockReader('postings', blocks), rows.length)
  const { terms, lengths, lengthTotal } = postings
  const said = rows.flatMap(({ title, headings = [], context = '', text = '' }) =>
    [title ?? '', ...headings, context, text].flatMap((field) => [...WORDS.terms(field)]),
  )
  return {
    lengths: [...lengths],
    lengthTotal,
    termCount: postings.starts.length - 1,
    terms: new Map(
      [...new Set(said)].map((term) => [term, ofTerm(postings, findTerm(terms, term))]),
    ),
  }
}

function ofTerm(postings: PostingArrays, id: number): object | null {
  if (id < 0) return null
  const [from = 0, to = 0] = postings.starts.subarray(id, id + 2)
  // Rare terms have no windows.
  const [first = 0, last = first] = postings.windowStarts.subarray(id, id + 2)
  return {
    rows: [...postings.rows.subarray(from, to)],
    units: Array.from({ length: to - from }, (_, at) => unitsAt(postings, from + at)),
    impacts: [...postings.impacts.subarray(from, to)],
    windows: [...postings.windows.subarray(first, last)],
    windowImpacts: [...postings.windowImpacts.subarray(first, last)],
    windowPostings: Array.from(postings.windowPostings.subarray(first, last), (at) => at - from),
    best: [...postings.bestImpacts.subarray(id * BEST_RANKS.length, (id + 1) * BEST_RANKS.length)],
  }
}

/** Deals the rows out to so many segments, some of them as rows that are deleted since, and merges what is left. */
function dealt(
  rows: readonly Partial<Fields>[],
  segments: number,
  deadShare: number,
  seed: number,
) {
  const random = sequence(seed)
  const inputs = Array.from({ length: segments }, (): Partial<Fields>[] => [])
  const live: Partial<Fields>[] = []
  const inputOf: number[] = []
  const rowOf: number[] = []
  for (const row of rows) {
    const number = Math.floor(random() * segments)
    const input = inputs[number] ?? []
    input.push(row)
    if (random() < deadShare) continue
    live.push(row)
    inputOf.push(number)
    rowOf.push(input.length - 1)
  }
  const order: RowOrder = { inputOf: Uint8Array.from(inputOf), rowOf: Uint32Array.from(rowOf) }
  return { inputs, live, order }
}

function expectSame(
  { inputs, live, order }: ReturnType<typeof dealt>,
  spec: LexicalSpec,
  sliceRows?: number,
): void {
  const sources = inputs.map((rows) => ({
    blocks: blockReader('postings', blocksOf(rows, spec)),
    count: rows.length,
  }))
  const merged = mergePostings(sources, order, spec, sliceRows)
  expect(meaningOf(merged, live)).toEqual(meaningOf(blocksOf(live, spec), live))
}

describe('merged postings', () => {
  it('are those of the rows that stay, as if they had been analyzed again', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 600 }),
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom(0, 0.1, 0.9, 1),
        fc.integer({ min: 1, max: 300 }),
        fc.integer(),
        (count, segments, deadShare, sliceRows, seed) => {
          expectSame(dealt(texts(count, seed, 20), segments, deadShare, seed), SPEC, sliceRows)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('reach over several windows and slices', () => {
    expectSame(dealt(texts(40_000, 3, 5), 4, 0.05, 1), SPEC)
  })

  it('keep weighted fields, frequencies above a byte and terms beyond ASCII', () => {
    const rows = texts(300, 5).map((fields, at) => ({
      ...fields,
      title: `w${at % 7} größe \ud83d\ude00 ${'漢'.repeat(1 + (at % 3))}`,
      headings: ['w1', `x${at}`],
      text: `${fields.text ?? ''}${at % 11 === 0 ? ' often'.repeat(200 + at * 3) : ''}`,
    }))
    for (const spec of [SPEC, BOOSTED]) expectSame(dealt(rows, 3, 0.2, 9), spec, 64)
  })

  it('are none where no row stays', () => {
    expectSame(dealt(texts(50, 1), 2, 1, 1), SPEC)
  })
})
