import { expect } from 'vitest'
import type { IndexedChunk } from '../../../src/core/vector-store.ts'
import { type Bench, codeOf, ruleOn, type VectorStoreSubject } from '../bench.ts'
import { chunkOf, corpusOf, DIMENSIONS, idsOf, listAll, never, vectorOf } from '../fixture.ts'
import type { Rule } from '../rule.ts'

/** What is written is what is there: once, whole or not at all, never replaced by something older. */
export function writingRules(subject: VectorStoreSubject): Rule[] {
  const rule = (title: string, check: (bench: Bench) => Promise<void>): Rule =>
    ruleOn(subject, title, check)
  return [...upsertRules(rule), ...refusalRules(rule), ...deleteRules(rule)]
}

type RuleOf = (title: string, check: (bench: Bench) => Promise<void>) => Rule

function upsertRules(rule: RuleOf): Rule[] {
  return [
    rule('writing the same chunks twice stores them once', async ({ store, alice, found }) => {
      await store.upsert(alice, corpusOf(5), never)
      await store.upsert(alice, corpusOf(5), never)
      expect(await found(alice, vectorOf(1))).toHaveLength(5)
      expect(await listAll(store, alice)).toEqual(idsOf(corpusOf(5)))
    }),
    rule('a chunk written again has its new vector and its new metadata', async (bench) => {
      const { store, alice, search, found } = bench
      const [old, anew] = [vectorOf(1), vectorOf(2)]
      await store.upsert(
        alice,
        [chunkOf('c', { vector: old, metadata: { v: 'old', only: 1 } })],
        never,
      )
      await store.upsert(
        alice,
        [chunkOf('c', { vector: anew, metadata: { v: 'new' }, revision: 2 })],
        never,
      )
      expect((await search(alice, anew))[0]?.score).toBeCloseTo(1, 3)
      expect(await found(alice, anew, { filter: { op: 'eq', field: 'v', value: 'new' } })).toEqual([
        'c',
      ])
      expect(await found(alice, anew, { filter: { op: 'exists', field: 'only' } })).toEqual([])
    }),
    rule(
      'a lower revision never replaces a higher one, and the rest of its batch is written',
      async (bench) => {
        const { store, alice, search, found } = bench
        const [high, low] = [vectorOf(1), vectorOf(2)]
        await store.upsert(
          alice,
          [chunkOf('c', { revision: 5, vector: high, metadata: { r: 5 } })],
          never,
        )
        await store.upsert(
          alice,
          [chunkOf('c', { revision: 4, vector: low, metadata: { r: 4 } }), chunkOf('d')],
          never,
        )
        expect(await listAll(store, alice)).toEqual(['c', 'd'])
        expect((await search(alice, high))[0]).toMatchObject({ id: 'c' })
        expect((await search(alice, high))[0]?.score).toBeCloseTo(1, 3)
        expect(await found(alice, high, { filter: { op: 'eq', field: 'r', value: 5 } })).toEqual([
          'c',
        ])
      },
    ),
    rule('the same revision again replaces', async ({ store, alice, search }) => {
      await store.upsert(alice, [chunkOf('c', { revision: 3, vector: vectorOf(1) })], never)
      await store.upsert(alice, [chunkOf('c', { revision: 3, vector: vectorOf(2) })], never)
      expect((await search(alice, vectorOf(2)))[0]?.score).toBeCloseTo(1, 3)
    }),
    rule(
      'of one id twice in a batch the higher revision stays, of equal ones the later',
      async (bench) => {
        const { store, alice, search } = bench
        const at = (id: string, revision: number, seed: number): IndexedChunk =>
          chunkOf(id, { revision, vector: vectorOf(seed) })
        await store.upsert(
          alice,
          [at('c', 2, 1), at('c', 1, 2), at('d', 1, 3), at('d', 1, 4)],
          never,
        )
        expect(await listAll(store, alice)).toEqual(['c', 'd'])
        const scores = async (seed: number): Promise<number> =>
          Math.max(...(await search(alice, vectorOf(seed))).map(({ score }) => score))
        expect(await scores(1)).toBeCloseTo(1, 3)
        expect(await scores(4)).toBeCloseTo(1, 3)
      },
    ),
    rule(
      'a batch above the store’s own limit is written whole',
      async ({ store, alice, found }) => {
        const batch = corpusOf(aboveTheLimit(store.capabilities.batchMax))
        await store.upsert(alice, batch, never)
        expect(await listAll(store, alice)).toEqual(idsOf(batch))
        const last = batch[batch.length - 1]
        expect(await found(alice, last?.vector ?? vectorOf(1), { k: 1 })).toEqual([last?.id])
      },
    ),
    rule('ids, texts and metadata in any script come back as they went in', async (bench) => {
      const { store, alice, found } = bench
      const odd = ['A-b_c.d', `it's"$1%\\;--`, 'x/y:z?#&=+', ' ~!@^*()[]{}<>|`,', 'f'.repeat(64)]
      const scripts = [
        'čeština',
        '日本語テキスト',
        'עברית',
        '🦀🇯🇵',
        'e\u0301',
        '\u200b',
        '\n\t',
        '',
      ]
      const rows = [
        ...odd.map((id, i) => chunkOf(id, { documentId: `${scripts[i] ?? ''}/${i}` })),
        ...scripts.map((text, i) =>
          chunkOf(`s${i}`, { text, context: text, metadata: { [`k${text}`]: text } }),
        ),
      ]
      await store.upsert(alice, rows, never)
      expect(await listAll(store, alice)).toEqual(idsOf(rows).sort())
      expect((await found(alice, vectorOf(1), { k: 50 })).sort()).toEqual(idsOf(rows).sort())
      for (const [i, text] of scripts.entries())
        expect(
          await found(alice, vectorOf(1), { filter: { op: 'eq', field: `k${text}`, value: text } }),
        ).toEqual([`s${i}`])
      const documentId = `${scripts[1]}/1`
      expect(
        await found(alice, vectorOf(1), {
          filter: { op: 'eq', field: 'document_id', value: documentId },
        }),
      ).toEqual([odd[1]])
    }),
    rule(
      'nothing to write, nothing to delete: nothing happens',
      async ({ store, alice, found }) => {
        await store.upsert(alice, [], never)
        await store.deleteChunks(alice, [], never)
        expect(await found(alice, vectorOf(1))).toEqual([])
      },
    ),
    rule('what the caller does to its arrays afterwards changes nothing', async (bench) => {
      const { store, alice, search } = bench
      const vector = vectorOf(1)
      await store.upsert(alice, [chunkOf('c', { vector })], never)
      vector.fill(-1)
      expect((await search(alice, vectorOf(1)))[0]?.score).toBeCloseTo(1, 3)
    }),
  ]
}

function refusalRules(rule: RuleOf): Rule[] {
  const bad: Readonly<Record<string, Float32Array | null>> = {
    'too short': new Float32Array(DIMENSIONS - 1).fill(1),
    'too long': new Float32Array(DIMENSIONS + 1).fill(1),
    empty: new Float32Array(0),
    absent: null,
    'not a number': vectorOf(1).fill(Number.NaN, 3, 4),
    infinite: vectorOf(1).fill(Number.NEGATIVE_INFINITY, 7, 8),
    zero: new Float32Array(DIMENSIONS),
  }
  return [
    ...Object.entries(bad).map(([what, vector]) =>
      rule(`a vector that is ${what} refuses the whole batch`, async ({ store, alice, found }) => {
        await store.upsert(
          alice,
          [chunkOf('kept', { vector: vectorOf(9), metadata: { v: 1 } })],
          never,
        )
        const batch = [...corpusOf(3), chunkOf('kept', { revision: 2 }), chunkOf('bad', { vector })]
        expect(await codeOf(store.upsert(alice, batch, never))).toBe('invalid_request')
        expect(await listAll(store, alice)).toEqual(['kept'])
        expect(
          await found(alice, vectorOf(9), { filter: { op: 'eq', field: 'v', value: 1 } }),
        ).toEqual(['kept'])
      }),
    ),
    ...Object.entries(bad).flatMap(([what, vector]) =>
      vector === null
        ? []
        : rule(`a query vector that is ${what} is refused`, async ({ store, alice, found }) => {
            await store.upsert(alice, corpusOf(3), never)
            expect(await codeOf(found(alice, vector))).toBe('invalid_request')
          }),
    ),
    rule(
      'a bad vector in the last part of a batch above the limit leaves nothing written',
      async (bench) => {
        const { store, alice } = bench
        const batch = [
          ...corpusOf(aboveTheLimit(store.capabilities.batchMax)),
          chunkOf('bad', { vector: new Float32Array(DIMENSIONS + 2).fill(1) }),
        ]
        expect(await codeOf(store.upsert(alice, batch, never))).toBe('invalid_request')
        expect(await listAll(store, alice)).toEqual([])
      },
    ),
  ]
}

function deleteRules(rule: RuleOf): Rule[] {
  return [
    rule('a deleted chunk is gone from search and from the list', async (bench) => {
      const { store, alice, found } = bench
      await store.upsert(alice, corpusOf(3), never)
      await store.deleteChunks(alice, idsOf(corpusOf(3).slice(1, 2)), never)
      expect((await found(alice, vectorOf(1))).sort()).toEqual(['c0000', 'c0002'])
      expect(await listAll(store, alice)).toEqual(['c0000', 'c0002'])
    }),
    rule('deleting what is not there succeeds, and what is there goes with it', async (bench) => {
      const { store, alice } = bench
      const gone = idsOf([chunkOf('ghost'), chunkOf('c0000'), chunkOf('c0000')])
      await store.deleteChunks(alice, gone, never)
      await store.upsert(alice, corpusOf(2), never)
      await store.deleteChunks(alice, gone, never)
      expect(await listAll(store, alice)).toEqual(['c0001'])
    }),
    rule('a chunk written again after its delete is there', async ({ store, alice, found }) => {
      await store.upsert(alice, corpusOf(2), never)
      await store.deleteChunks(alice, idsOf(corpusOf(2)), never)
      await store.upsert(alice, corpusOf(1), never)
      expect(await found(alice, vectorOf(1))).toEqual(['c0000'])
    }),
    rule('a delete above the store’s own limit deletes all of it', async ({ store, alice }) => {
      const batch = corpusOf(aboveTheLimit(store.capabilities.batchMax))
      await store.upsert(alice, [...batch, chunkOf('kept')], never)
      await store.deleteChunks(alice, idsOf(batch), never)
      expect(await listAll(store, alice)).toEqual(['kept'])
    }),
    rule('lists every chunk id once, beyond one page too', async ({ store, alice, bob }) => {
      const batch = corpusOf(2_345)
      await store.upsert(alice, batch, never)
      await store.upsert(bob, corpusOf(7), never)
      expect(await listAll(store, alice)).toEqual(idsOf(batch))
    }),
  ]
}

/** Above the limit where a test can reach it, and never fewer than two pages of most stores. */
function aboveTheLimit(batchMax: number): number {
  return Math.min(Math.max(batchMax + 7, 1_007), 12_007)
}
