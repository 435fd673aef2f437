import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { VectorPoolClient } from '../../adapters/stores/pgvector/session.ts'
import { openPgvectorStore } from '../../adapters/stores/pgvector/store.ts'
import type { Database } from '../../src/catalog/database.ts'
import type { IndexRef } from '../../src/core/model.ts'
import type {
  DenseSpec,
  IndexAlgorithm,
  IndexedChunk,
  IndexSpec,
} from '../../src/core/vector-store.ts'
import { refOf } from '../conformance/bench.ts'
import { chunkOf, corpusOf, never, scopeOf } from '../conformance/fixture.ts'
import { testVectorStore } from '../conformance/vector-store.ts'
import { openTestDatabase } from '../support/database.ts'
import { type FaultyPool, faultyPool } from '../support/faulty-pool.ts'

let database: Database
let pool: FaultyPool

beforeAll(async () => {
  database = await openTestDatabase()
  pool = faultyPool(database.pool)
})

afterAll(async () => {
  await database.close()
})

const faults = {
  kinds: ['unreachable', 'error', 'rate_limited', 'hang'] as const,
  open: async () => {
    const own = faultyPool(database.pool)
    const store = await openPgvectorStore({ pool: own })
    return { store, fail: async (kind: Parameters<FaultyPool['fail']>[0]) => own.fail(kind) }
  },
}

function subject(algorithm: IndexAlgorithm, minRecall: number, exactRowsMax = 0) {
  return {
    open: () => openPgvectorStore({ pool, exact_rows_max: exactRowsMax }),
    algorithms: [algorithm],
    minRecall,
    faults,
  }
}

const HNSW = { kind: 'hnsw', m: 16, efConstruction: 128, efSearch: 200 } as const
const IVF = { kind: 'ivf_flat', lists: 8, probes: 7 } as const

testVectorStore('pgvector flat', subject({ kind: 'flat' }, 1))
testVectorStore('pgvector auto, small tenants', subject({ kind: 'auto' }, 1, 10_000))
testVectorStore('pgvector hnsw', subject(HNSW, 0.95))
testVectorStore('pgvector ivf_flat', subject(IVF, 0.9))

describe('pgvector besides its contract', () => {
  const spec = (algorithm: IndexAlgorithm, dimensions: number, extra?: Partial<DenseSpec>) =>
    ({
      dense: { dimensions, metric: 'cosine', algorithm, ...extra },
      lexical: null,
    }) satisfies IndexSpec

  /** What the planner makes of the last search that the store sent. */
  async function planOfSearch(search: () => Promise<unknown>): Promise<string> {
    const seen: { text: string; values: readonly unknown[] }[] = []
    const watched = {
      ...database.pool,
      query: database.pool.query.bind(database.pool),
      end: async () => {},
      connect: async () => {
        const client = await database.pool.connect()
        return {
          release: (error?: unknown) => client.release(error),
          query: async (text: string, values?: readonly unknown[]) => {
            if (text.includes('from quarry_vectors.v_') && text.includes('distance')) {
              const { rows } = await client.query(`explain ${text}`, values)
              seen.push({ text: JSON.stringify(rows), values: [] })
            }
            return await client.query(text, values)
          },
        }
      },
    }
    watchedPool = watched
    await search()
    return seen.at(-1)?.text ?? ''
  }
  let watchedPool: Parameters<typeof openPgvectorStore>[0]['pool']

  it.each([
    ['hnsw', HNSW, 'cosine'],
    ['hnsw', HNSW, 'l2'],
    ['ivf_flat', IVF, 'dot'],
    ['ivf_flat', IVF, 'cosine'],
  ] as const)(
    'searches a large tenant by its %s index for %o and %s',
    async (_name, algorithm, metric) => {
      const scope = scopeOf('alice', `plan-${algorithm.kind}-${metric}`)
      const plan = await planOfSearch(async () => {
        const store = await openPgvectorStore({ pool: watchedPool, exact_rows_max: 50 })
        const corpus = corpusOf(500)
        const dimensions = corpus[0]?.vector?.length ?? 0
        await store.createIndex(refOf(scope), spec(algorithm, dimensions, { metric }), never)
        await store.upsert(scope, corpus, never)
        const vector = corpus[7]?.vector ?? new Float32Array(dimensions)
        const filter = { op: 'ne', field: 'x', value: 1 } as const
        await store.searchDense(scope, { vector, k: 5, filter }, never)
        await store.dropIndex(refOf(scope), never)
      })
      expect(plan).toContain('_ann')
    },
  )

  it('keeps another tenant out even where a statement forgets to', async () => {
    const store = await openPgvectorStore({ pool })
    const alice = scopeOf('alice', 'walls')
    const bob = scopeOf('bob', 'walls')
    const corpus = corpusOf(3)
    const dimensions = corpus[0]?.vector?.length ?? 0
    await store.createIndex(refOf(alice), spec({ kind: 'flat' }, dimensions), never)
    await store.upsert(alice, corpus, never)
    await store.upsert(bob, corpus.slice(0, 1), never)
    const made = pool.statements.findLast((text) => text.startsWith('create table quarry_'))
    const name = made?.split(' ')[2] ?? ''
    const client = await database.pool.connect()
    try {
      await checkWalls(client, name)
    } finally {
      await client.query('rollback')
      client.release()
      await store.dropIndex(refOf(alice), never)
    }
  })

  async function checkWalls(client: VectorPoolClient, name: string): Promise<void> {
    await client.query('begin')
    await client.query('set local role quarry_vectors')
    const count = async () => (await client.query(`select chunk_id from ${name}`)).rows.length
    expect(await count()).toBe(0)
    await client.query(`select set_config('quarry.tenant', 'bob', true)`)
    expect(await count()).toBe(1)
    const foreign = `insert into ${name} select 'alice', 'x', document_id, 1, '{}', '{}', embedding from ${name}`
    await expect(client.query(foreign)).rejects.toMatchObject({ code: '42501' })
  }

  it('indexes 3,072 dimensions by halves and answers by whole numbers', async () => {
    const scope = scopeOf('alice', 'halves')
    const store = await openPgvectorStore({ pool, exact_rows_max: 0 })
    const corpus = wideCorpus(40, 3_072)
    await store.createIndex(refOf(scope), spec(HNSW, 3_072), never)
    await store.upsert(scope, corpus, never)
    const vector = corpus[11]?.vector ?? new Float32Array()
    const { candidates } = await store.searchDense(scope, { vector, k: 3 }, never)
    expect(candidates[0]).toMatchObject({ id: corpus[11]?.id, score: expect.closeTo(1, 6) })
    expect(candidates).toHaveLength(3)
    await store.dropIndex(refOf(scope), never)
  })

  it('stores without an index what is too long for one, and says so when asked for one', async () => {
    const ref: IndexRef = refOf(scopeOf('alice', 'long'))
    const store = await openPgvectorStore({ pool })
    for (const kind of ['flat', 'auto'] as const) {
      await store.createIndex(ref, spec({ kind }, 5_000), never)
      await store.dropIndex(ref, never)
    }
    const refused = store.createIndex(ref, spec(HNSW, 4_001), never)
    await expect(refused).rejects.toMatchObject({ code: 'unsupported' })
    const beyond = store.createIndex(ref, spec({ kind: 'flat' }, 16_001), never)
    await expect(beyond).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('says that a scan ended before it had k', async () => {
    const scope = scopeOf('alice', 'short')
    const store = await openPgvectorStore({ pool: shortSighted(), exact_rows_max: 0 })
    const corpus = corpusOf(800).map((chunk, n) => ({ ...chunk, metadata: { last: n >= 790 } }))
    const dimensions = corpus[0]?.vector?.length ?? 0
    const narrow = { ...HNSW, efSearch: 1 }
    await store.createIndex(refOf(scope), spec(narrow, dimensions), never)
    await store.upsert(scope, corpus, never)
    const filter = { op: 'eq', field: 'last', value: true } as const
    const vector = corpus[0]?.vector ?? new Float32Array(dimensions)
    const { candidates, underFilled } = await store.searchDense(
      scope,
      { vector, k: 10, filter },
      never,
    )
    expect(candidates.length).toBeLessThan(10)
    expect(underFilled).toEqual({
      returned: candidates.length,
      wanted: 10,
      reason: 'scan_limit',
    })
    await store.dropIndex(refOf(scope), never)
  })

  /** A database whose operator has set the least scan that pgvector allows. */
  function shortSighted(): FaultyPool {
    const inner = faultyPool(database.pool)
    return {
      ...inner,
      connect: async () => {
        const client = await inner.connect()
        return {
          release: (error) => client.release(error),
          query: async (text, values) => {
            const result = await client.query(text, values)
            if (text === 'begin') await client.query('set local hnsw.max_scan_tuples = 1')
            return result
          },
        }
      },
    }
  }

  it('settles at the abort while a statement hangs', async () => {
    const scope = scopeOf('alice', 'hanging')
    const stuck = {
      ...faultyPool(database.pool),
      connect: async () => ({ query: () => new Promise<never>(() => {}), release: () => {} }),
    }
    const first = await openPgvectorStore({ pool })
    await first.createIndex(refOf(scope), spec({ kind: 'flat' }, 2), never)
    let hanging = false
    const store = await openPgvectorStore({
      pool: { ...pool, connect: () => (hanging ? stuck.connect() : database.pool.connect()) },
    })
    hanging = true
    const started = performance.now()
    const pending = store.upsert(scope, [chunkOf('late')], AbortSignal.timeout(20))
    await expect(pending).rejects.toMatchObject({ code: 'deadline_exceeded' })
    expect(performance.now() - started).toBeLessThan(2_000)
    await first.dropIndex(refOf(scope), never)
  })

  function wideCorpus(count: number, dimensions: number): IndexedChunk[] {
    return corpusOf(count).map((chunk, n) => ({
      ...chunk,
      vector: Float32Array.from({ length: dimensions }, (_, i) => Math.sin((n + 1) * (i + 1))),
    }))
  }
})
