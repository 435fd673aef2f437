import { expect } from 'vitest'
import type { Filter } from '../../src/core/filter.ts'
import type { LexicalIndex, LexicalQuery } from '../../src/core/lexical-index.ts'
import type { Candidate, ChunkId, Scope } from '../../src/core/model.ts'
import type { IndexedChunk, LexicalSpec } from '../../src/core/vector-store.ts'
import { refOf, wellFormed } from './bench.ts'
import { chunkOf, never, scopeOf } from './fixture.ts'
import { Oracle } from './oracle.ts'
import type { Rule } from './rule.ts'

/** One lexical index, empty, beside an oracle that is told the same. */
export interface LexicalBench {
  readonly index: LexicalIndex
  readonly oracle: Oracle
  readonly alice: Scope
  readonly bob: Scope
  /** Does the same to the index and to the oracle. */
  both(work: (target: LexicalIndex) => Promise<void>): Promise<void>
  search(scope: Scope, text: string, options?: Partial<LexicalQuery>): Promise<Candidate[]>
  found(scope: Scope, text: string, options?: Partial<LexicalQuery>): Promise<ChunkId[]>
  /** Ids, order and scores of the oracle, to 1e-9 of each score. */
  agree(scope: Scope, text: string, k?: number, filter?: Filter): Promise<void>
}

let benches = 0

export function lexicalRule(
  subject: { readonly open: () => Promise<LexicalIndex> },
  title: string,
  check: (bench: LexicalBench) => Promise<void>,
  spec: Partial<LexicalSpec> = {},
): Rule {
  const checkOnBench = async (): Promise<void> => {
    const index = await subject.open()
    try {
      await check(await benchOf(index, { analyzer: 'unicode', k1: 0.9, b: 0.4, ...spec }))
    } finally {
      await index.close()
    }
  }
  return { title, check: checkOnBench }
}

async function benchOf(index: LexicalIndex, lexical: LexicalSpec): Promise<LexicalBench> {
  const oracle = new Oracle()
  const alice = scopeOf('alice', `lx${++benches}`)
  for (const target of [index, oracle])
    await target.createIndex(refOf(alice), { dense: null, lexical }, never)
  const search: LexicalBench['search'] = async (scope, text, options = {}) => {
    const query = { text, k: 10, ...options }
    return wellFormed(await index.searchLexical(scope, query, never), query.k)
  }
  return {
    index,
    oracle,
    alice,
    bob: { ...alice, tenant: scopeOf('bob').tenant },
    both: async (work) => {
      await work(index)
      await work(oracle)
    },
    search,
    found: async (...call) => (await search(...call)).map(({ id }) => id),
    agree: async (scope, text, k = 10, filter) => {
      const query = { text, k: Number.MAX_SAFE_INTEGER, filter }
      const { candidates } = await oracle.searchLexical(scope, query, never)
      sameScores(await search(scope, text, { k, filter }), candidates, k)
    },
  }
}

/** Place by place and chunk by chunk. Which of two equal scores is first may hang on their last bit. */
function sameScores(got: readonly Candidate[], every: readonly Candidate[], k: number): void {
  expect(got).toHaveLength(Math.min(k, every.length))
  const truth = new Map(every.map(({ id, score }) => [id, score]))
  for (const [i, { id, score }] of got.entries())
    for (const wanted of [truth.get(id), every[i]?.score])
      expect(Math.abs(score / (wanted ?? Number.NaN) - 1), `score of ${id}`).toBeLessThanOrEqual(
        1e-9,
      )
}

export function passage(
  id: string,
  text: string,
  fields: Partial<IndexedChunk> = {},
): IndexedChunk {
  return { ...chunkOf(id, { text, vector: null }), ...fields, id: id as ChunkId }
}

const WORDS = [
  ...[
    'river',
    'stone',
    'constructor',
    'toString',
    '__proto__',
    'valueOf',
    'hasOwnProperty',
    'lamp',
  ],
  ...[
    'Straße',
    'наука',
    '日本語',
    '東京',
    'ภาษาไทย',
    'café',
    'mother',
    'engine',
    '42',
    '3.14',
    'B2B',
  ],
  ...Array.from({ length: 60 }, (_, i) => `word${i}`),
]

/** Passages of 0 to 60 words, common and rare ones, some with a context. Seeded. */
export function prose(count: number, from = 0): IndexedChunk[] {
  return Array.from({ length: count }, (_, i) => {
    const seed = from + i + 1
    const text = Array.from({ length: (seed * 37) % 61 }, (_, w) => wordAt(seed * 131 + w * 17))
    const context = seed % 3 === 0 ? `${wordAt(seed)} › ${wordAt(seed * 7)}` : ''
    return passage(`p${String(seed).padStart(4, '0')}`, text.join(' '), {
      context,
      metadata: { n: seed % 5, even: seed % 2 === 0 },
    })
  })
}

/** Squared, so that the first words are common and the last ones rare. */
function wordAt(seed: number): string {
  const share = (Math.imul(seed, 2_654_435_761) >>> 0) / 4_294_967_296
  return WORDS[Math.floor(share * share * WORDS.length)] ?? 'river'
}

export const QUERIES: readonly string[] = [
  ...['river', 'constructor', '__proto__ toString valueOf', 'river river stone', 'word59 word58'],
  ...[
    '日本語 東京',
    'ภาษาไทย',
    'STRASSE café',
    'what is the 42 engine',
    'nothing-of-this-is-there',
  ],
  WORDS.join(' '),
]
