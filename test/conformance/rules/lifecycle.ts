import { expect } from 'vitest'
import type { DenseSpec, IndexAlgorithm } from '../../../src/core/vector-store.ts'
import { type Bench, codeOf, everyCall, refOf, ruleOn, type VectorStoreSubject } from '../bench.ts'
import { corpusOf, listAll, never, scopeOf, vectorOf } from '../fixture.ts'
import type { Rule } from '../rule.ts'

const EVERY_KIND: readonly IndexAlgorithm[] = [
  { kind: 'auto' },
  { kind: 'flat' },
  { kind: 'hnsw', m: 8, efConstruction: 32, efSearch: 32 },
  { kind: 'ivf_flat', lists: 4, probes: 2 },
  { kind: 'ivf_pq', lists: 4, subvectors: 4, bits: 8, probes: 2 },
]

/** An index is made, made again, dropped, and missed. */
export function lifecycleRules(subject: VectorStoreSubject): Rule[] {
  const rule = (title: string, check: (bench: Bench) => Promise<void>): Rule =>
    ruleOn(subject, title, check)
  return [
    rule('making an index again does nothing', async ({ store, alice, dense, found }) => {
      await store.upsert(alice, corpusOf(3), never)
      await store.createIndex(refOf(alice), { dense, lexical: null }, never)
      expect(await found(alice, vectorOf(1))).toHaveLength(3)
    }),
    rule('two makers of one index at once both succeed', async ({ store, alice, dense, found }) => {
      await store.dropIndex(refOf(alice), never)
      const make = (): Promise<void> =>
        store.createIndex(refOf(alice), { dense, lexical: null }, never)
      await Promise.all([make(), make()])
      await store.upsert(alice, corpusOf(3), never)
      expect(await found(alice, vectorOf(1))).toHaveLength(3)
    }),
    rule('another spec under the same name is a conflict, and the index stays', async (bench) => {
      const { store, alice, dense, found } = bench
      await store.upsert(alice, corpusOf(3), never)
      const other: DenseSpec = { ...dense, dimensions: dense.dimensions + 1 }
      expect(
        await codeOf(store.createIndex(refOf(alice), { dense: other, lexical: null }, never)),
      ).toBe('conflict')
      expect(await found(alice, vectorOf(1))).toHaveLength(3)
    }),
    rule(
      'what the capabilities do not list is unsupported, and what they list works',
      async (bench) => {
        const { store, alice, dense } = bench
        const { algorithms, dimensionsMax } = store.capabilities
        const ref = refOf(scopeOf('alice', `${alice.index}-kinds`))
        const make = (change: Partial<DenseSpec>): Promise<void> =>
          store.createIndex(ref, { dense: { ...dense, ...change }, lexical: null }, never)
        for (const algorithm of EVERY_KIND) {
          const wanted = algorithms.includes(algorithm.kind) ? undefined : 'unsupported'
          expect([algorithm.kind, await codeOf(make({ algorithm }))]).toEqual([
            algorithm.kind,
            wanted,
          ])
          await store.dropIndex(ref, never)
        }
        expect(await codeOf(make({ dimensions: dimensionsMax + 1 }))).toBe('unsupported')
      },
    ),
    rule('a dropped index is gone for every tenant, and made anew is empty', async (bench) => {
      const { store, alice, bob, dense, found } = bench
      await store.upsert(alice, corpusOf(3), never)
      await store.upsert(bob, corpusOf(3), never)
      await store.dropIndex(refOf(alice), never)
      expect(await codeOf(found(alice, vectorOf(1)))).toBe('not_found')
      await store.createIndex(refOf(alice), { dense, lexical: null }, never)
      expect(await found(alice, vectorOf(1))).toEqual([])
      expect(await listAll(store, bob)).toEqual([])
    }),
    rule('dropping what is not there succeeds', async ({ store, alice }) => {
      const ghost = refOf(scopeOf('alice', `${alice.index}-ghost`))
      await store.dropIndex(ghost, never)
      await store.dropIndex(ghost, never)
    }),
    rule('every call on an index that does not exist says not_found', async ({ store, alice }) => {
      const ghost = scopeOf('alice', `${alice.index}-ghost`)
      for (const [name, call] of everyCall(store, ghost, never))
        expect([name, await codeOf(call())]).toEqual([name, 'not_found'])
    }),
    rule('answers a health check', async ({ store }) => {
      await store.checkHealth(never)
    }),
  ]
}
