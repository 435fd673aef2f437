import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { openLocalEngine } from '../../adapters/stores/local/open-local-engine.ts'
import { TopK } from '../../adapters/stores/local/top-k.ts'
import type { Filter } from '../../src/core/filter.ts'
import type { Scope } from '../../src/core/model.ts'
import type { ReplicaEngine } from '../../src/core/replica-engine.ts'
import type { IndexedChunk, IndexSpec } from '../../src/core/vector-store.ts'
import { codeOf, refOf } from '../conformance/bench.ts'
import {
  chunkOf,
  corpusOf,
  DIMENSIONS,
  idsOf,
  never,
  scopeOf,
  vectorOf,
} from '../conformance/fixture.ts'
import { testLexicalIndex } from '../conformance/lexical-index.ts'
import { Oracle } from '../conformance/oracle.ts'
import { rejection } from '../conformance/rule.ts'
import { testVectorStore } from '../conformance/vector-store.ts'

testVectorStore('local', {
  open: () => openLocalEngine(),
  minRecall: 1,
  algorithms: [{ kind: 'flat' }, { kind: 'auto' }],
  scoreTolerance: 1e-6,
})
testLexicalIndex('local', { open: () => openLocalEngine() })

const dense = { dimensions: DIMENSIONS, metric: 'cosine', algorithm: { kind: 'auto' } } as const
const lexical = { analyzer: 'unicode', k1: 0.9, b: 0.4 } as const
const alice = scopeOf('alice')
const bob = scopeOf('bob')

const opened: ReplicaEngine[] = []
afterEach(async () => {
  for (const engine of opened.splice(0)) await engine.close()
})

async function openEngine(): Promise<ReplicaEngine> {
  const engine = await openLocalEngine()
  opened.push(engine)
  return engine
}

async function engineWith(spec: IndexSpec): Promise<ReplicaEngine> {
  const engine = await openEngine()
  await engine.createIndex(refOf(alice), spec, never)
  return engine
}

describe('an index of one part', () => {
  it('refuses what it has no part for', async () => {
    const denseOnly = await engineWith({ dense, lexical: null })
    const text = { text: 'river', k: 5 }
    expect(await codeOf(denseOnly.searchLexical(alice, text, never))).toBe('unsupported')
    expect(await codeOf(denseOnly.statistics(alice, never))).toBe('unsupported')
    const lexicalOnly = await engineWith({ dense: null, lexical })
    const query = { vector: vectorOf(1), k: 5 }
    expect(await codeOf(lexicalOnly.searchDense(alice, query, never))).toBe('unsupported')
  })

  it('keeps no vectors where there is no dense part', async () => {
    const engine = await engineWith({ dense: null, lexical })
    await engine.upsert(alice, [chunkOf('a', { vector: new Float32Array(99) })], never)
    const { candidates } = await engine.searchLexical(alice, { text: 'passage', k: 5 }, never)
    expect(idsOf(candidates)).toEqual(['a'])
  })

  it('has at least one', async () => {
    const none = engineWith({ dense: null, lexical: null })
    expect(await codeOf(none)).toBe('invalid_request')
  })
})

describe('both legs together', () => {
  it('agree with the oracle through any sequence of writes', async () => {
    const id = fc.integer({ min: 0, max: 12 })
    const write = fc.record({
      rows: fc.array(fc.tuple(id, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 9 })), {
        maxLength: 8,
      }),
      gone: fc.array(id, { maxLength: 4 }),
      everything: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(write, { maxLength: 12 }), async (writes) => {
        const oracle = new Oracle()
        await oracle.createIndex(
          refOf(alice),
          { dense: { ...dense, algorithm: { kind: 'flat' } }, lexical },
          never,
        )
        const engine = await engineWith({ dense, lexical })
        for (const { rows, gone, everything } of writes)
          for (const store of [engine, oracle]) {
            await store.upsert(
              alice,
              rows.map(([at, revision, seed]) => wordy(at, revision, seed)),
              never,
            )
            await store.deleteChunks(alice, idsOf(gone.map((at) => wordy(at, 1, 0))), never)
            if (everything) await store.deleteTenant(alice, never)
          }
        await sameAnswers(engine, oracle)
      }),
      { numRuns: 150 },
    )
  })
})

function wordy(at: number, revision: number, seed: number): IndexedChunk {
  const text = Array.from({ length: seed }, (_, i) => `w${(seed * (i + 3)) % 7}`).join(' ')
  return chunkOf(`c${at}`, {
    revision,
    vector: vectorOf(seed * 100 + at),
    text,
    documentId: `d${at % 3}`,
  })
}

async function sameAnswers(engine: ReplicaEngine, oracle: Oracle): Promise<void> {
  const filter: Filter = { op: 'ne', field: 'document_id', value: 'd1' }
  const query = { vector: vectorOf(7), k: 6, filter }
  const near = await engine.searchDense(alice, query, never)
  expect(idsOf(near.candidates)).toEqual(
    idsOf((await oracle.searchDense(alice, query, never)).candidates),
  )
  for (const text of ['w1', 'w2 w3 w5 w6']) {
    const [got, wanted] = await Promise.all(
      [engine, oracle].map((at) => at.searchLexical(alice, { text, k: 20 }, never)),
    )
    const scoresOf = (answer: typeof got): Map<string, number> =>
      new Map(answer?.candidates.map(({ id, score }) => [id, Number(score.toPrecision(9))]))
    expect(scoresOf(got)).toEqual(scoresOf(wanted))
  }
}

describe('reading chunks', () => {
  const [first, second] = [0, 1].map((ordinal) =>
    chunkOf(`c${ordinal}`, { ordinal, documentId: 'd', title: 'T' }),
  )
  const third = chunkOf('c2', { ordinal: 2, documentId: 'd' })

  it('gives what was written, without vectors, and only to its tenant', async () => {
    const engine = await engineWith({ dense, lexical })
    await engine.upsert(alice, [third], never)
    const ids = idsOf([third, chunkOf('ghost')])
    const { vector: _, ...chunk } = third
    expect(await engine.readChunks(alice, ids, never)).toEqual(new Map([[third.id, chunk]]))
    expect(await engine.readChunks(bob, ids, never)).toEqual(new Map())
  })

  it('gives the neighbours of one document in order, both ends included', async () => {
    const engine = await engineWith({ dense, lexical })
    const rows = [third, first, second, chunkOf('other', { ordinal: 1 })].flatMap(
      (row) => row ?? [],
    )
    await engine.upsert(alice, rows, never)
    const between = async (scope: Scope, from: number, to: number): Promise<string[]> =>
      idsOf(await engine.readNeighbours(scope, third.documentId, from, to, never))
    expect(await between(alice, 0, 9)).toEqual(['c0', 'c1', 'c2'])
    expect(await between(alice, 1, 1)).toEqual(['c1'])
    expect(await between(alice, 3, 9)).toEqual([])
    expect(await between(bob, 0, 9)).toEqual([])
    await engine.deleteChunks(alice, idsOf(rows.slice(1, 3)), never)
    expect(await between(alice, 0, 9)).toEqual(['c2'])
  })

  it('says not_found for an index that does not exist', async () => {
    const engine = await openEngine()
    expect(await codeOf(engine.readChunks(alice, [], never))).toBe('not_found')
    expect(await codeOf(engine.readNeighbours(alice, third.documentId, 0, 1, never))).toBe(
      'not_found',
    )
  })
})

describe('memory', () => {
  it('is counted by index and given back', async () => {
    const engine = await engineWith({ dense, lexical })
    expect(engine.describe()).toMatchObject([{ ...refOf(alice), shards: 0, chunks: 0, bytes: 0 }])
    await engine.upsert(alice, corpusOf(300), never)
    await engine.upsert(bob, corpusOf(20), never)
    const [full] = engine.describe()
    expect(full).toMatchObject({
      shards: 2,
      shardsLoaded: 2,
      shardsBuilding: 0,
      chunks: 320,
      chunksByKind: { delta: 320 },
    })
    expect(full?.bytes).toBeGreaterThan(320 * DIMENSIONS * 4)
    await engine.deleteTenant(bob, never)
    await engine.deleteChunks(alice, idsOf(corpusOf(300)), never)
    expect(engine.describe()).toMatchObject([{ ...refOf(alice), shards: 0, chunks: 0 }])
    await engine.dropIndex(refOf(alice), never)
    expect(engine.describe()).toEqual([])
  })
})

/** So dear to evaluate that a search over a few thousand rows must pause many times. */
const DEAR: Filter = {
  op: 'and',
  filters: Array.from({ length: 64 }, (_, i) => ({
    op: 'nin' as const,
    field: 'n',
    values: Array.from({ length: 1_000 }, (_, v) => 10_000 + i * 1_000 + v),
  })),
}

describe('the event loop', () => {
  async function busy(): Promise<ReplicaEngine> {
    const engine = await engineWith({ dense, lexical })
    await engine.upsert(alice, corpusOf(3_000), never)
    return engine
  }
  const query = { vector: vectorOf(1), k: 3_000, filter: DEAR }

  it('turns while a long search runs, in either leg', async () => {
    const engine = await busy()
    for (const begin of [
      () => engine.searchDense(alice, query, never),
      () => engine.searchLexical(alice, { text: 'passage', k: 3_000, filter: { ...DEAR } }, never),
    ]) {
      let turns = 0
      let done = false
      const count = (): void => {
        turns++
        if (!done) setImmediate(count)
      }
      setImmediate(count)
      expect((await begin()).candidates).toHaveLength(3_000)
      done = true
      expect(turns).toBeGreaterThan(0)
    }
  })

  it('lets an abort end a search under way, with its own reason', async () => {
    const engine = await busy()
    const controller = new AbortController()
    const reason = new Error('enough')
    setImmediate(() => controller.abort(reason))
    expect(await rejection(engine.searchDense(alice, query, controller.signal))).toBe(reason)
  })

  it('lets writes in between, and the search shows no chunk twice, dead or half written', async () => {
    const engine = await busy()
    const search = engine.searchDense(alice, query, never)
    const gone = idsOf(corpusOf(1_000))
    await engine.deleteChunks(alice, gone, never)
    const anew = corpusOf(1_500)
      .slice(500)
      .map((chunk) => ({ ...chunk, revision: 2 }))
    await engine.upsert(alice, anew, never)
    const { candidates } = await search
    const ids = new Set(idsOf(candidates))
    expect(ids.size).toBe(candidates.length)
    expect(idsOf(corpusOf(500)).filter((id) => ids.has(id))).toEqual([])
    const untouched = idsOf(corpusOf(3_000)).slice(1_500)
    expect(untouched.filter((id) => !ids.has(id))).toEqual([])
    const { candidates: settled } = await engine.searchDense(
      alice,
      { ...query, filter: undefined },
      never,
    )
    expect(settled).toHaveLength(2_500)
  })

  it('lets an index be dropped under a long write', async () => {
    const engine = await engineWith({ dense, lexical })
    const write = rejection(engine.upsert(alice, corpusOf(20_000), never))
    await new Promise((resolve) => setImmediate(resolve))
    await engine.dropIndex(refOf(alice), never)
    expect(await write).toMatchObject({ code: 'not_found' })
  })
})

describe('TopK', () => {
  it('keeps what sorting and cutting keeps', () => {
    const scores = fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 60 })
    fc.assert(
      fc.property(scores, fc.integer({ min: 1, max: 20 }), (points, k) => {
        const top = new TopK(k, (row, other) => row < other)
        for (const [row, score] of points.entries()) top.add(score, row)
        const byScore = (a: { score: number; row: number }, b: typeof a): number =>
          b.score - a.score || a.row - b.row
        const every = points.map((score, row) => ({ row, score })).sort(byScore)
        expect(top.entries().sort(byScore)).toEqual(every.slice(0, k))
      }),
    )
  })
})
