import { expect } from 'vitest'
import type { IndexAlgorithm, IndexedChunk, Metric } from '../../../src/core/vector-store.ts'
import { type Bench, oracleFor, ruleOn, type VectorStoreSubject } from '../bench.ts'
import { chunkOf, corpusOf, idsOf, never, vectorOf } from '../fixture.ts'
import type { Rule } from '../rule.ts'

const METRICS: readonly Metric[] = ['cosine', 'dot', 'l2']

/** The right chunks, in the right order, with the right scores. */
export function searchingRules(subject: VectorStoreSubject): Rule[] {
  return [...orderRules(subject), ...METRICS.map((metric) => metricRule(subject, metric))]
}

function orderRules(subject: VectorStoreSubject): Rule[] {
  const rule = (title: string, check: (bench: Bench) => Promise<void>): Rule =>
    ruleOn(subject, title, check)
  return [
    rule('scores fall from first to last, and the nearest is first', async (bench) => {
      const { store, alice, search } = bench
      await store.upsert(alice, corpusOf(100), never)
      const [first, ...rest] = await search(alice, vectorOf(1_042), { k: 20 })
      expect(first).toMatchObject({ id: 'c0042' })
      expect(rest).toHaveLength(19)
      expect(rest.every(({ score }) => score < (first?.score ?? 0))).toBe(true)
    }),
    rule('ties come in ascending order of id', async ({ store, alice, found }) => {
      const ids = ['b', 'B', 'a', 'A', 'a-', 'a_', 'a.', 'Z', '10', '9', '~', '!']
      const vector = vectorOf(5)
      await store.upsert(
        alice,
        ids.map((id) => chunkOf(id, { vector })),
        never,
      )
      expect(await found(alice, vectorOf(6), { k: 50 })).toEqual([...ids].sort())
    }),
    rule('where search is exact, a tie at the cut keeps the lowest ids', async (bench) => {
      const { store, alice, found, exact } = bench
      if (!exact) return
      const ids = Array.from({ length: 30 }, (_, i) => `t${String((i * 7) % 30).padStart(2, '0')}`)
      await store.upsert(
        alice,
        ids.map((id) => chunkOf(id, { vector: vectorOf(5) })),
        never,
      )
      expect(await found(alice, vectorOf(6), { k: 4 })).toEqual(['t00', 't01', 't02', 't03'])
    }),
    rule('k larger than what is there gives all that is there', async ({ store, alice, found }) => {
      await store.upsert(alice, corpusOf(7), never)
      expect((await found(alice, vectorOf(1), { k: 1_000 })).sort()).toEqual(idsOf(corpusOf(7)))
    }),
    rule('k is what was asked for', async ({ store, alice, found }) => {
      await store.upsert(alice, corpusOf(300), never)
      for (const k of [1, 2, 100, 250])
        expect(await found(alice, vectorOf(1), { k })).toHaveLength(k)
    }),
    rule('a score of zero is a score, and a negative one too', async ({ store, alice, search }) => {
      const axis = (at: number, value: number): Float32Array =>
        new Float32Array(8).fill(value, at, at + 1)
      const rows = [
        chunkOf('across', { vector: axis(1, 1) }),
        chunkOf('against', { vector: axis(0, -2) }),
        chunkOf('along', { vector: axis(0, 3) }),
      ]
      await store.upsert(alice, rows, never)
      const hits = await search(alice, axis(0, 1))
      expect(idsOf(hits)).toEqual(['along', 'across', 'against'])
      for (const [i, wanted] of [1, 0, -1].entries()) expect(hits[i]?.score).toBeCloseTo(wanted, 3)
    }),
    rule(
      'very long and very short vectors keep their direction',
      async ({ store, alice, search }) => {
        const rows = [1e-12, 1, 1e12].map((scale, i) =>
          chunkOf(`s${i}`, { vector: vectorOf(5).map((value) => value * scale) }),
        )
        await store.upsert(alice, rows, never)
        const hits = await search(
          alice,
          vectorOf(5).map((value) => value * 1e9),
        )
        expect(hits).toHaveLength(3)
        for (const { score } of hits) expect(score).toBeCloseTo(1, 3)
      },
    ),
  ]
}

/** Vectors of differing lengths, so that a store which confuses the metrics gives another order. */
function metricRule(subject: VectorStoreSubject, metric: Metric): Rule {
  return {
    title: `${metric}: order and scores are the oracle's`,
    check: async () => {
      const store = await subject.open()
      const listed = store.capabilities.metrics.includes(metric)
      await store.close()
      if (!listed) return
      await ruleOn(subject, '', (bench) => agreesWithOracle(bench), { metric }).check()
    },
  }
}

async function agreesWithOracle(bench: Bench): Promise<void> {
  const { store, alice, search, exact, tolerance } = bench
  const rows = corpusOf(200).map((chunk, i) => ({ ...chunk, vector: scaled(chunk, 0.2 + (i % 9)) }))
  const oracle = await oracleFor(bench)
  await Promise.all([store.upsert(alice, rows, never), oracle.upsert(alice, rows, never)])
  for (let seed = 1; seed <= 10; seed++) {
    const vector = vectorOf(seed)
    const got = await search(alice, vector, { k: 15 })
    const every = await oracle.searchDense(alice, { vector, k: rows.length }, never)
    const scores = new Map(every.candidates.map(({ id, score }) => [id, score]))
    for (const { id, score } of got)
      expect(Math.abs(score - (scores.get(id) ?? Number.NaN))).toBeLessThanOrEqual(
        tolerance * Math.max(1, Math.abs(score)),
      )
    if (exact) expect(idsOf(got)).toEqual(idsOf(every.candidates.slice(0, 15)))
  }
}

function scaled({ vector }: IndexedChunk, by: number): Float32Array {
  return (vector ?? new Float32Array(0)).map((value) => value * by)
}

const DIMENSIONS_OF_RECALL = 24
const QUERIES = 25

/** What share of the exact top ten is found: after the first load, after later inserts, after deletes. */
export function recallRules(subject: VectorStoreSubject): Rule[] {
  const algorithms: readonly IndexAlgorithm[] = subject.algorithms ?? [{ kind: 'flat' }]
  return algorithms.map((algorithm) =>
    ruleOn(
      subject,
      `${algorithm.kind}: recall stays above its floor through build, inserts and deletes`,
      async (bench) => {
        const { store, alice } = bench
        const oracle = await oracleFor(bench)
        const all = clustered(900)
        const both = async (
          work: (target: typeof store) => Promise<void>,
          phase: string,
        ): Promise<void> => {
          await work(store)
          await work(oracle)
          const least = bench.exact ? 1 : subject.minRecall
          expect(await recall(bench, oracle), `recall after ${phase}`).toBeGreaterThanOrEqual(least)
        }
        await both((at) => at.upsert(alice, all.slice(0, 500), never), 'build')
        await both((at) => at.upsert(alice, all.slice(500), never), 'inserts')
        const dead = idsOf(all.filter((_, i) => i % 3 === 0))
        await both((at) => at.deleteChunks(alice, dead, never), 'deletes')
      },
      { algorithm, dimensions: DIMENSIONS_OF_RECALL },
    ),
  )
}

async function recall(
  bench: Bench,
  oracle: Awaited<ReturnType<typeof oracleFor>>,
): Promise<number> {
  let found = 0
  for (let seed = 1; seed <= QUERIES; seed++) {
    const vector = vectorOf(seed, DIMENSIONS_OF_RECALL)
    const wanted = await oracle.searchDense(bench.alice, { vector, k: 10 }, never)
    const got = new Set(await bench.found(bench.alice, vector))
    found += wanted.candidates.filter(({ id }) => got.has(id)).length
  }
  return found / (QUERIES * 10)
}

/** Points around thirty centres, as embeddings lie, rather than evenly as noise does. */
function clustered(count: number): IndexedChunk[] {
  return corpusOf(count, DIMENSIONS_OF_RECALL).map((chunk, i) => {
    const centre = vectorOf(50_000 + (i % 30), DIMENSIONS_OF_RECALL)
    return { ...chunk, vector: scaled(chunk, 0.5).map((value, d) => value + (centre[d] ?? 0)) }
  })
}
