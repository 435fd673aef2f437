import { expect } from 'vitest'
import { type Bench, refOf, ruleOn, type VectorStoreSubject } from '../bench.ts'
import { chunkOf, corpusOf, idsOf, listAll, never, scopeOf, vectorOf } from '../fixture.ts'
import type { Rule } from '../rule.ts'

/** One tenant's data never meets another's, nor one index another index. */
export function tenantRules(subject: VectorStoreSubject): Rule[] {
  const rule = (title: string, check: (bench: Bench) => Promise<void>): Rule =>
    ruleOn(subject, title, check)
  return [
    rule('never shows one tenant the chunks of another', async ({ store, alice, bob, found }) => {
      await store.upsert(alice, corpusOf(50), never)
      expect(await found(bob, vectorOf(1))).toEqual([])
      expect(await listAll(store, bob)).toEqual([])
    }),
    rule('fills k from the tenant alone, however many others are nearer', async (bench) => {
      const { store, alice, bob, found } = bench
      const near = vectorOf(1)
      const far = near.map((value) => -value)
      await store.upsert(
        bob,
        Array.from({ length: 80 }, (_, i) => chunkOf(`b${i}`, { vector: near })),
        never,
      )
      await store.upsert(
        alice,
        [chunkOf('a1', { vector: far }), chunkOf('a2', { vector: far })],
        never,
      )
      expect(await found(alice, near, { k: 10 })).toEqual(['a1', 'a2'])
    }),
    rule('an equal id in two tenants is two chunks', async (bench) => {
      const { store, alice, bob, search } = bench
      await store.upsert(alice, [chunkOf('same', { vector: vectorOf(1) })], never)
      await store.upsert(bob, [chunkOf('same', { vector: vectorOf(2) })], never)
      expect((await search(alice, vectorOf(1)))[0]?.score).toBeCloseTo(1, 3)
      expect((await search(bob, vectorOf(2)))[0]?.score).toBeCloseTo(1, 3)
    }),
    rule('a delete leaves the equal id of another tenant', async ({ store, alice, bob, found }) => {
      await store.upsert(alice, corpusOf(3), never)
      await store.upsert(bob, corpusOf(3), never)
      await store.deleteChunks(bob, idsOf(corpusOf(3)), never)
      expect(await found(alice, vectorOf(1))).toHaveLength(3)
      expect(await found(bob, vectorOf(1))).toEqual([])
    }),
    rule('deleting a tenant removes all of it and nothing else', async (bench) => {
      const { store, alice, bob, found } = bench
      await store.upsert(alice, corpusOf(40), never)
      await store.upsert(bob, corpusOf(5), never)
      await store.deleteTenant(alice, never)
      expect(await found(alice, vectorOf(1))).toEqual([])
      expect(await listAll(store, alice)).toEqual([])
      expect(await found(bob, vectorOf(1))).toHaveLength(5)
      await store.deleteTenant(alice, never)
      await store.upsert(alice, corpusOf(2), never)
      expect(await found(alice, vectorOf(1))).toHaveLength(2)
    }),
    rule('a tenant without chunks reads as empty', async ({ store, alice, found }) => {
      expect(await found(alice, vectorOf(1))).toEqual([])
      expect(await listAll(store, alice)).toEqual([])
    }),
    rule(
      'tenants whose names differ in case, spelling or punctuation stay apart',
      async (bench) => {
        const { store, alice, found } = bench
        const names = [
          'acme',
          'Acme',
          'acme ',
          'acmé',
          'acme\u0301',
          'a\'c"m%e',
          'a_c',
          'abc',
          'ac',
          '日本',
        ]
        for (const [i, name] of names.entries())
          await store.upsert(scopeOf(name, alice.index), [chunkOf(`t${i}`)], never)
        for (const [i, name] of names.entries())
          expect(await found(scopeOf(name, alice.index), vectorOf(1))).toEqual([`t${i}`])
      },
    ),
    rule(
      'indexes of one collection, and collections of one index name, stay apart',
      async (bench) => {
        const { store, alice, dense, found } = bench
        const others = [scopeOf('alice', `${alice.index}b`), scopeOf('alice', alice.index, 'docs2')]
        for (const other of others)
          await store.createIndex(refOf(other), { dense, lexical: null }, never)
        await store.upsert(alice, [chunkOf('here')], never)
        for (const other of others) expect(await found(other, vectorOf(1))).toEqual([])
        for (const other of others) await store.upsert(other, [chunkOf('there')], never)
        for (const other of others) await store.dropIndex(refOf(other), never)
        expect(await found(alice, vectorOf(1))).toEqual(['here'])
      },
    ),
  ]
}
