import { createPostingsBuilder } from '../../adapters/stores/local/bm25/build-postings.ts'
import { openPostings } from '../../adapters/stores/local/bm25/open-postings.ts'
import type {
  SegmentPostings,
  WeightedTerm,
} from '../../adapters/stores/local/bm25/segment-postings.ts'
import { openAnalyzer } from '../../src/core/analysis/open-analyzer.ts'
import type { Chunk } from '../../src/core/model.ts'
import type { LexicalSpec } from '../../src/core/vector-store.ts'
import { chunkOfRow } from '../data/chunks.ts'
import type { LexicalTask } from '../data/lexical-task.ts'
import { passageLines } from '../data/passages.ts'
import type { Contender } from '../measure/lanes.ts'
import { LEXICAL_K } from './lexical-peers.ts'
import { throughSegmentFile } from './segment-file.ts'

export const SPEC: LexicalSpec = { analyzer: 'english', k1: 0.9, b: 0.4 }

const analyzer = openAnalyzer(SPEC.analyzer)
const NO_VECTOR = new Float32Array()

/** Our postings of one segment, from the words of the query to its best rows. */
export async function openQuarryPostings({ count, queries }: LexicalTask): Promise<Contender> {
  const startedMs = performance.now()
  const builder = createPostingsBuilder(SPEC, analyzer)
  let row = 0
  for await (const text of passageLines(count)) builder.add(chunkOfRow(row++, text, NO_VECTOR))
  const part = { name: 'postings', blocks: builder.finish() }
  const buildSeconds = (performance.now() - startedMs) / 1_000
  const { blocks, region, residentBytes } = await throughSegmentFile(part)
  const search = lexicalLane(openPostings(blocks, count, SPEC, region.kernels), count, LEXICAL_K)
  return {
    lanes: { search: (query) => search(queries[query] ?? '') },
    facts: { residentBytes, buildSeconds },
  }
}

/** Over chunks in memory, for small sets. */
export async function searchOver(
  chunks: readonly Chunk[],
  k: number,
): Promise<(text: string) => Promise<readonly number[]>> {
  const builder = createPostingsBuilder(SPEC, analyzer)
  for (const chunk of chunks) builder.add(chunk)
  const { blocks, region } = await throughSegmentFile({
    name: 'postings',
    blocks: builder.finish(),
  })
  return lexicalLane(openPostings(blocks, chunks.length, SPEC, region.kernels), chunks.length, k)
}

function lexicalLane(
  postings: SegmentPostings,
  count: number,
  k: number,
): (text: string) => Promise<readonly number[]> {
  const { signal } = new AbortController()
  const averageLength = postings.lengthTotal / count
  const isBefore = (row: number, other: number): boolean => row < other
  const all = { k, allowed: null, allowedCount: count, floor: Number.NEGATIVE_INFINITY, isBefore }
  return async (text) => {
    const terms = weighted(analyzer.terms(text), postings, count)
    const found = await postings.search({ ...all, terms, averageLength }, signal)
    return found.rows
  }
}

function weighted(
  words: readonly string[],
  postings: SegmentPostings,
  count: number,
): WeightedTerm[] {
  const repeats = new Map<string, number>()
  for (const word of words) repeats.set(word, (repeats.get(word) ?? 0) + 1)
  return [...repeats].map(([term, times]) => {
    const df = postings.documentFrequency(term)
    return { term, weight: times * Math.log(1 + (count - df + 0.5) / (df + 0.5)) }
  })
}
