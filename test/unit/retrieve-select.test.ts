import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Chunk, DocumentId, Metadata } from '../../src/core/model.ts'
import { expand } from '../../src/retrieve/expand.ts'
import type { FusedCandidate } from '../../src/retrieve/fuse.ts'
import { groups } from '../../src/retrieve/group.ts'
import { type Diversifiable, diversify as picks } from '../../src/retrieve/mmr.ts'
import { jaccard, nearDuplicates, wordRuns } from '../../src/retrieve/near-duplicates.ts'
import type { Hit, RetrieveRequest } from '../../src/retrieve/request.ts'
import { select } from '../../src/retrieve/select.ts'
import { wordHashes } from '../../src/retrieve/words.ts'
import { chunk, chunkId, chunkReader, request } from '../support/retrieval.ts'

const words = (count: number, from = 0) =>
  Array.from({ length: count }, (_, at) => `word${at + from}`).join(' ')

const diversify = (pool: readonly Diversifiable[], lambda: number) => [...picks(pool, lambda)]

describe('word hashes', () => {
  it('ignore case, punctuation and spacing', () => {
    expect(wordHashes('The  cat, sat!')).toEqual(wordHashes('the cat sat'))
    expect(wordHashes('the cat sat')).toHaveLength(3)
    expect(wordHashes('état ÉTAT')[0]).toBe(wordHashes('état ÉTAT')[1])
    expect(wordHashes(' —, … 。')).toHaveLength(0)
  })
  it('count each character of a script without spaces', () => {
    expect(wordHashes('東京都 v2')).toHaveLength(4)
    expect(wordHashes('กรุง')).toHaveLength(4)
  })
})

describe('near-duplicates', () => {
  const isNew = (kept: string, text: string) => {
    const seen = nearDuplicates()
    seen.keepIfNew(kept)
    return seen.keepIfNew(text)
  }
  it('drop the same text, and one that differs in a word of a hundred', () => {
    expect(isNew('the same text', 'The same text.')).toBe(false)
    expect(isNew(words(100), words(100).replace('word50', 'other'))).toBe(false)
    expect(isNew(words(100), `${words(100)} and more`)).toBe(false)
  })
  it('keep a text of which a fifth differs, one twice as long, and another in the same words', () => {
    expect(isNew(words(100), words(100, 20))).toBe(true)
    expect(isNew(words(100), words(200))).toBe(true)
    expect(isNew(words(100), words(100).split(' ').toReversed().join(' '))).toBe(true)
    expect(isNew('short one', 'short two')).toBe(true)
  })
  it('keep texts without any word', () => {
    expect(isNew('', '')).toBe(true)
    expect(isNew('!?', '--')).toBe(true)
  })
  it('are those whose runs of three words overlap by nine tenths, sketch or none', () => {
    const text = fc
      .record({ start: fc.nat(30), length: fc.integer({ min: 1, max: 120 }) })
      .map(({ start, length }) => words(length, start))
    fc.assert(
      fc.property(text, text, (x, y) => {
        const alike = jaccard(wordRuns(wordHashes(x)), wordRuns(wordHashes(y)))
        expect(isNew(x, y)).toBe(alike < 0.9)
      }),
    )
  })
  it('are measured exactly', () => {
    const runs = (text: string) =>
      new Set(
        text
          .split(' ')
          .map((_, at, all) => all.slice(at, at + 3).join(' '))
          .slice(0, -2),
      )
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 60 }), fc.nat(60), (length, shift) => {
        const [x, y] = [words(length), words(length, shift)]
        const shared = [...runs(x)].filter((run) => runs(y).has(run)).length
        const exact = shared / (runs(x).size + runs(y).size - shared)
        expect(jaccard(wordRuns(wordHashes(x)), wordRuns(wordHashes(y)))).toBeCloseTo(exact, 12)
      }),
    )
  })
})

describe('maximal marginal relevance', () => {
  const pool = [
    { text: 'red apple pie recipe', score: 1 },
    { text: 'red apple pie recipes', score: 0.95 },
    { text: 'history of the steam engine', score: 0.8 },
    { text: 'unrelated', score: 0 },
  ]
  it('keeps the order of relevance with λ = 1', () => {
    expect(diversify(pool, 1)).toEqual([0, 1, 2, 3])
  })
  it('puts something different before more of the same', () => {
    expect(diversify(pool, 0.5)).toEqual([0, 2, 1, 3])
  })
  it('starts with the most relevant and places each item once', () => {
    const items = fc.array(
      fc.record({
        text: fc.constantFrom('a b', 'a c', 'b c d', 'e', ''),
        score: fc.integer({ min: 0, max: 9 }),
      }),
      { minLength: 1, maxLength: 12 },
    )
    fc.assert(
      fc.property(items, fc.double({ min: 0.1, max: 1, noNaN: true }), (given, lambda) => {
        const order = diversify(given, lambda)
        expect(order.toSorted((a, b) => a - b)).toEqual([...given.keys()])
        const most = Math.max(...given.map(({ score }) => score))
        expect(order[0]).toBe(given.findIndex(({ score }) => score === most))
      }),
    )
  })
  it('agrees with the definition, worked out pair by pair', () => {
    const text = fc
      .array(fc.constantFrom(...'abcdefg'), { maxLength: 6 })
      .map((list) => list.join(' '))
    const items = fc.array(fc.record({ text, score: fc.nat(100) }), { maxLength: 8 })
    fc.assert(
      fc.property(items, fc.constantFrom(0.3, 0.5, 0.7), (given, lambda) => {
        expect(diversify(given, lambda)).toEqual(byDefinition(given, lambda))
      }),
    )
  })
  it('has nothing to do with an empty pool', () => {
    expect(diversify([], 0.5)).toEqual([])
  })
})

function byDefinition(pool: readonly { text: string; score: number }[], lambda: number): number[] {
  const bags = pool.map(({ text }) => text.split(' ').filter((word) => word !== ''))
  const vectors = bags.map((bag) => {
    const vector = new Map<string, number>()
    for (const word of bag) {
      const holders = bags.filter((other) => other.includes(word)).length
      const tf = bag.filter((other) => other === word).length
      vector.set(word, (1 + Math.log(tf)) * Math.log(1 + pool.length / holders))
    }
    return vector
  })
  const dot = (a: Map<string, number>, b: Map<string, number>) =>
    [...a].reduce((sum, [word, weight]) => sum + weight * (b.get(word) ?? 0), 0)
  const cosine = (i: number, j: number) => {
    const [a, b] = [vectors[i] ?? new Map(), vectors[j] ?? new Map()]
    return dot(a, b) === 0 ? 0 : dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
  }
  const all = pool.map(({ score }) => score)
  const [low, high] = [Math.min(...all), Math.max(...all)]
  const relevance = all.map((score) => (high > low ? (score - low) / (high - low) : 1))
  const picked: number[] = []
  const left = [...pool.keys()]
  while (left.length > 0) {
    const value = (item: number) =>
      lambda * (relevance[item] ?? 0) -
      (1 - lambda) * Math.max(0, ...picked.map((other) => cosine(item, other)))
    // Rounding may tell apart what is equal, so a tie within 1e-9 goes to the earlier one.
    const most = Math.max(...left.map(value))
    const best = left.findIndex((item) => value(item) > most - 1e-9)
    picked.push(...left.splice(best, 1))
  }
  return picked
}

describe('grouping', () => {
  const room = (field: string, size: number, list: readonly Partial<Chunk>[]) => {
    const grouped = groups(field, size)
    return list.map((changes, at) => {
      const each = chunk(String(at), changes)
      const has = grouped.hasRoom(each)
      if (has) grouped.add(each)
      return has
    })
  }
  const having = (...list: Metadata[]) => list.map((metadata) => ({ metadata }))

  it('has room for `size` of each value', () => {
    const documents = ['x', 'x', 'y', 'x'].map((id) => ({ documentId: id as DocumentId }))
    expect(room('document_id', 2, documents)).toEqual([true, true, true, false])
  })
  it('tells values of different types apart, and takes equal lists for one', () => {
    expect(room('v', 1, having({ v: 1 }, { v: '1' }, { v: true }, { v: 'true' }))).toEqual([
      true,
      true,
      true,
      true,
    ])
    expect(room('v', 1, having({ v: ['a'] }, { v: ['a'] }, { v: ['b'] }))).toEqual([
      true,
      false,
      true,
    ])
  })
  it('never fills the group of those without the field', () => {
    expect(room('v', 1, having({}, {}, {}))).toEqual([true, true, true])
    expect(room('toString', 1, having({}, {}))).toEqual([true, true])
  })
})

describe('the selection', () => {
  const candidate = (id: string, rerankScore: number | null, score = 1): FusedCandidate => ({
    id: chunkId(id),
    score,
    dense: null,
    lexical: null,
    rewrite: null,
    rerank: rerankScore === null ? null : { score: rerankScore, rank: 1, relevance: null },
  })
  const pick = (
    ranked: readonly FusedCandidate[],
    chunks: readonly Chunk[],
    asked: Partial<RetrieveRequest>,
  ) =>
    select(ranked, new Map(chunks.map((each) => [each.id, each])), request(asked))
      .map(({ chunk: { id } }) => id)
      .join('')

  it('fills a full group’s place from below', () => {
    const chunks = ['a', 'b', 'c', 'd'].map((id) =>
      chunk(id, { metadata: { g: id < 'c' ? 1 : 2 } }),
    )
    const ranked = [...'abcd'].map((id) => candidate(id, null))
    expect(pick(ranked, chunks, { topK: 2, groupBy: { field: 'g', size: 1 } })).toBe('ac')
  })
  it('does not drop a near-duplicate of what a full group kept out', () => {
    const chunks = [
      chunk('a', { metadata: { g: 1 } }),
      chunk('b', { metadata: { g: 1 }, text: 'the very same words' }),
      chunk('c', { metadata: { g: 2 }, text: 'the very same words' }),
    ]
    const ranked = [...'abc'].map((id) => candidate(id, null))
    expect(pick(ranked, chunks, { groupBy: { field: 'g', size: 1 } })).toBe('ac')
  })
  it('diversifies what was reranked, and leaves the rest behind it in order', () => {
    const chunks = [
      chunk('a', { text: 'red apple pie' }),
      chunk('b', { text: 'red apple tart' }),
      chunk('c', { text: 'steam engines' }),
      chunk('d', { text: 'wholly new' }),
      chunk('e', { text: 'quite other' }),
    ]
    const ranked = [
      candidate('a', 9),
      candidate('b', 8),
      candidate('c', 7.9),
      candidate('d', null),
      candidate('e', null),
    ]
    expect(pick(ranked, chunks, { topK: 5, mmr: { lambda: 0.3 } })).toBe('acbde')
  })
})

describe('expansion', () => {
  const document = (id: string, count: number) =>
    Array.from({ length: count }, (_, ordinal) =>
      chunk(`${id}${ordinal}`, { documentId: id as DocumentId, ordinal }),
    )
  const reader = chunkReader([...document('x', 12), ...document('y', 3)])
  const hit = (id: string, ordinal: number) =>
    ({
      id: chunkId(`${id}${ordinal}`),
      documentId: id,
      ordinal,
      before: [],
      after: [],
    }) as unknown as Hit
  const around = async (hits: readonly Hit[], before: number, after: number) => {
    const expanded = await expand(hits, { before, after }, (id, from, to) => {
      expect(from).toBeGreaterThanOrEqual(0)
      return reader.readNeighbours(
        { tenant: 't', collection: 'c', index: 'i' } as never,
        id,
        from,
        to,
        new AbortController().signal,
      )
    })
    return expanded.map(({ id, before: left, after: right }) =>
      [left.map((each) => each.id).join(' '), id, right.map((each) => each.id).join(' ')].join('|'),
    )
  }

  it('adds neighbours in the document’s order, as far as there are any', async () => {
    expect(await around([hit('x', 3)], 2, 1)).toEqual(['x1 x2|x3|x4'])
    expect(await around([hit('y', 0)], 2, 5)).toEqual(['|y0|y1 y2'])
  })
  it('stops at another hit, and gives what lies between to the better one', async () => {
    expect(await around([hit('x', 5), hit('x', 3)], 1, 1)).toEqual(['x4|x5|x6', 'x2|x3|'])
    expect(await around([hit('x', 6), hit('x', 5)], 2, 0)).toEqual(['|x6|', 'x3 x4|x5|'])
  })
  it('shows no passage twice and leaves no gap, whatever was hit', async () => {
    const ordinals = fc.uniqueArray(fc.nat(11), { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(ordinals, fc.nat(3), fc.nat(3), async (given, before, after) => {
        const lines = await around(
          given.map((ordinal) => hit('x', ordinal)),
          before,
          after,
        )
        const shown = lines.map((line) => (line.match(/\d+/g) ?? []).map(Number))
        expect(new Set(shown.flat()).size).toBe(shown.flat().length)
        for (const run of shown) expect(run).toEqual(run.map((_, at) => (run[0] ?? 0) + at))
      }),
    )
  })
})
