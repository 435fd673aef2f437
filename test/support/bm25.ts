import fc from 'fast-check'
import { expect, vi } from 'vitest'
import {
  addRow,
  type Bitmap,
  countRows,
  emptyBitmap,
  hasRow,
} from '../../adapters/stores/local/bitmap.ts'
import type { Blocks } from '../../adapters/stores/local/blocks.ts'
import { createPostingsBuilder } from '../../adapters/stores/local/bm25/build-postings.ts'
import { openPostings } from '../../adapters/stores/local/bm25/open-postings.ts'
import type {
  LexicalSearch,
  SegmentPostings,
  WeightedTerm,
} from '../../adapters/stores/local/bm25/segment-postings.ts'
import type { Found } from '../../adapters/stores/local/found.ts'
import type { Memory } from '../../adapters/stores/local/memory/memory.ts'
import { openMemory } from '../../adapters/stores/local/memory/open-memory.ts'
import { type Analyzer, TERM_HINTS } from '../../src/core/analyzer.ts'
import type { Chunk } from '../../src/core/model.ts'
import type { LexicalSpec } from '../../src/core/vector-store.ts'
import { chunkOf, never } from '../conformance/fixture.ts'
import { placeBlocks } from './blocks-in-memory.ts'
import { sequence } from './hnsw-rows.ts'

export const SPEC: LexicalSpec = { analyzer: 'unicode', k1: 0.9, b: 0.4 }

/** Such as a word has by chance: hints that others have too, and none. */
const HINTS = [7, -1, 7, 0, TERM_HINTS - 1]

/** Splits at spaces and keeps everything, so that the tests decide what a term is. */
export const WORDS: Analyzer = {
  revision: 1,
  name: 'words',
  terms: (text) => text.split(' ').filter((word) => word !== ''),
  eachTerm: (text, visit) => {
    for (const [at, word] of WORDS.terms(text).entries())
      visit(word, HINTS[at % HINTS.length] ?? -1)
  },
  positions: () => [],
}

export type Fields = Pick<Chunk, 'context' | 'text' | 'title' | 'headings'>

export function chunkAt(row: number, fields: Partial<Fields>): Chunk {
  const { vector: _, ...chunk } = chunkOf(`c${row}`, fields)
  return chunk
}

/** Every length that Lucene's SmallFloat.intToByte4 keeps, in ascending order. */
export const KEPT_LENGTHS: readonly number[] = keptLengths()

function keptLengths(): number[] {
  const kept = Array.from({ length: 40 }, (_, length) => length)
  for (let step = 2; kept.length < 256; step *= 2)
    for (let i = 0; i < 8 && kept.length < 256; i++) kept.push(24 + step * (8 + i))
  return kept
}

function keptLength(length: number): number {
  return KEPT_LENGTHS.findLast((kept) => kept <= Math.round(length)) ?? 0
}

export interface Counted {
  readonly tf: ReadonlyMap<string, number>
  readonly length: number
}

/** The terms of a row by the letter of the type's documentation; words are split at spaces. */
export function counted(
  { boosts }: LexicalSpec,
  { context, text, title, headings }: Fields,
): Counted {
  const fields: [text: string, boost: number][] = boosts
    ? [
        [title ?? '', boosts.title],
        ...headings.map((heading): [string, number] => [heading, boosts.headings]),
        [text, boosts.body],
      ]
    : [
        [context, 1],
        [text, 1],
      ]
  const tf = new Map<string, number>()
  let length = 0
  for (const [field, boost] of fields)
    for (const word of field.split(' ').filter((word) => word !== '' && boost > 0)) {
      tf.set(word, (tf.get(word) ?? 0) + boost)
      length += boost
    }
  return { tf, length }
}

/** Term at a time over all rows, everything sorted: what a search must give, bit for bit. */
export function reference(
  spec: LexicalSpec,
  rows: readonly (Counted | null)[],
  { terms, averageLength, allowed, k, floor, isBefore }: LexicalSearch,
): Found {
  const scored: { row: number; score: number }[] = []
  for (const [row, counts] of rows.entries()) {
    if (counts === null || (allowed !== null && !hasRow(allowed, row))) continue
    const norm = spec.k1 * (1 - spec.b + (spec.b * keptLength(counts.length)) / averageLength)
    const present = terms.filter(({ term }) => counts.tf.has(term))
    const score = present.reduce((sum, { term, weight }) => {
      const tf = counts.tf.get(term) ?? 0
      return sum + (weight * tf) / (tf + norm)
    }, 0)
    if (present.length > 0 && score >= floor) scored.push({ row, score })
  }
  scored.sort((a, b) => b.score - a.score || (isBefore(a.row, b.row) ? -1 : 1))
  const best = scored.slice(0, k)
  return {
    rows: best.map(({ row }) => row),
    scores: best.map(({ score }) => score),
    complete: true,
  }
}

/** Lucene's idf over the rows, for each word of a query. */
export function weighted(
  words: readonly string[],
  rows: readonly (Counted | null)[],
): WeightedTerm[] {
  const live = rows.filter((counts) => counts !== null)
  return words.map((term) => {
    const df = live.filter(({ tf }) => tf.has(term)).length
    return { term, weight: Math.log(1 + (live.length - df + 0.5) / (df + 0.5)) }
  })
}

export function averageOf(rows: readonly (Counted | null)[]): number {
  const live = rows.filter((counts) => counts !== null)
  return live.reduce((sum, { length }) => sum + length, 0) / Math.max(1, live.length)
}

export interface Segment {
  readonly spec: LexicalSpec
  readonly postings: SegmentPostings
  readonly rows: readonly Counted[]
}

export function segmentOf(
  fields: readonly Partial<Fields>[],
  spec: LexicalSpec = SPEC,
  memory: Memory = openMemory({ bytesMax: 2 ** 26 }),
): Segment {
  const { region, reader } = placeBlocks(memory, blocksOf(fields, spec))
  const rows = fields.map((of, row) => counted(spec, chunkAt(row, of)))
  return { spec, postings: openPostings(reader, rows.length, spec, region.kernels), rows }
}

export function blocksOf(fields: readonly Partial<Fields>[], spec: LexicalSpec): Blocks {
  const builder = createPostingsBuilder(spec, WORDS)
  for (const [row, of] of fields.entries()) builder.add(chunkAt(row, of))
  return builder.finish()
}

/** Words of very different frequency, in texts of very different length, often the same ones. */
export function texts(count: number, seed: number, wordsMax = 12): Partial<Fields>[] {
  const random = sequence(seed)
  const word = (): string => `w${Math.floor(60 * random() ** 3)}`
  return Array.from({ length: count }, () => ({
    text: Array.from({ length: Math.floor(random() * wordsMax) }, word).join(' '),
    context: random() < 0.1 ? word() : '',
  }))
}

export function searchOf(
  { rows }: Segment,
  words: readonly string[],
  options: Partial<LexicalSearch> = {},
): LexicalSearch {
  const { allowed = null } = options
  return {
    terms: weighted(words, rows),
    averageLength: averageOf(rows),
    k: 10,
    allowed,
    allowedCount: allowed === null ? rows.length : countRows(allowed),
    floor: Number.NEGATIVE_INFINITY,
    // Neither ascending nor descending, so that the order of rows can't stand in for it.
    isBefore: (row, other) => (row ^ 0x2a5) < (other ^ 0x2a5),
    ...options,
  }
}

export async function agree(segment: Segment, search: LexicalSearch): Promise<void> {
  const found = await segment.postings.search(search, never)
  expect(found).toEqual(reference(segment.spec, segment.rows, search))
}

export function randomRows(count: number, share: number, seed: number): Bitmap {
  const random = sequence(seed)
  const bitmap = emptyBitmap(count)
  for (let row = 0; row < count; row++) if (random() < share) addRow(bitmap, row)
  return bitmap
}

export const QUERY: fc.Arbitrary<string[]> = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: 62 }).map((word) => `w${word}`),
    fc.constantFrom('w0', 'w1', 'unknown'),
  ),
  { minLength: 1, maxLength: 9 },
)
export const K: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 1, max: 30 }),
  fc.constantFrom(100, 1_000),
)

let nowMs = 1e12

/** From now on every other look at the clock finds the turn over, so that a search pauses wherever it can. */
export function hurry(): void {
  vi.spyOn(performance, 'now').mockImplementation(() => {
    nowMs += 1_000
    return nowMs
  })
}
