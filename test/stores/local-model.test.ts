import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Filter } from '../../src/core/filter.ts'
import type { Scope } from '../../src/core/model.ts'
import type { IndexedChunk, IndexSpec } from '../../src/core/vector-store.ts'
import { chunkOf, idsOf, never, scopeOf, vectorOf } from '../conformance/fixture.ts'
import { Oracle } from '../conformance/oracle.ts'
import { type EngineWorld, openEngineWorld } from '../support/engine-world.ts'
import { seededRandom } from '../support/random.ts'

const STEPS = Number(process.env['QUARRY_TEST_STEPS'] ?? 50_000)
const SEED = Number(process.env['QUARRY_TEST_SEED'] ?? 20261121)
const DIMENSIONS = 8

const spec: IndexSpec = {
  dense: { dimensions: DIMENSIONS, metric: 'cosine', algorithm: { kind: 'flat' } },
  lexical: { analyzer: 'unicode', k1: 0.9, b: 0.4 },
}
const tenants = [scopeOf('alice'), scopeOf('bob'), scopeOf('carol')]

describe(`the engine through ${STEPS} random steps (seed ${SEED})`, () => {
  const random = seededRandom(SEED)
  const below = (limit: number): number => Math.floor(random() * limit)
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T
  const [first] = tenants as [Scope]
  let world: EngineWorld
  let revision = 1

  beforeAll(async () => {
    world = await openEngineWorld(first, spec, new Oracle())
  })
  afterAll(async () => {
    await world?.close()
  })

  const chunk = (): IndexedChunk => {
    const at = below(80)
    const words = Array.from(
      { length: below(12) },
      () => `w${Math.floor(random() * random() * 30)}`,
    )
    return chunkOf(`c${at}`, {
      documentId: `d${at % 17}`,
      ordinal: Math.floor(at / 17),
      revision: random() < 0.1 ? Math.max(1, revision - below(5)) : revision,
      vector: vectorOf(below(40), DIMENSIONS),
      text: words.join(' '),
      context: random() < 0.5 ? '' : 'w1 w2',
      metadata: { n: below(6), tags: [`t${below(3)}`, `t${below(5)}`] },
    })
  }
  const filters: readonly (Filter | undefined)[] = [
    undefined,
    undefined,
    { op: 'gte', field: 'n', value: 3 },
    { op: 'eq', field: 'tags', value: 't1' },
    { op: 'not', filter: { op: 'in', field: 'document_id', values: ['d1', 'd2', 'd3'] } },
  ]

  const compare = async (scope: Scope): Promise<void> => {
    const filter = pick(filters)
    const k = pick([1, 5, 20, 100])
    const near = { vector: vectorOf(below(40), DIMENSIONS), k, filter }
    const [dense, exact] = [
      await world.engine.searchDense(scope, near, never),
      await world.oracle.searchDense(scope, near, never),
    ]
    expect(rounded(dense.candidates)).toEqual(rounded(exact.candidates))
    const words = { text: `w${below(8)} w${below(30)} w1`, k, filter }
    const [lexical, wanted] = [
      await world.engine.searchLexical(scope, words, never),
      await world.oracle.searchLexical(scope, words, never),
    ]
    expect(rounded(lexical.candidates)).toEqual(rounded(wanted.candidates))
    const rows = world.oracle.rows(scope)
    const ids = idsOf([...rows.values(), chunkOf('c5')])
    const read = await world.engine.readChunks(scope, ids, never)
    expect(new Set(read.keys())).toEqual(new Set(rows.keys()))
    for (const [id, { vector: _, ...kept }] of rows) expect(read.get(id)).toEqual(kept)
  }

  const step = async (scope: Scope): Promise<void> => {
    const dice = random()
    const stored = world.stored(scope)
    if (dice < 0.35) {
      revision += 1
      await world.upsert(scope, unique(Array.from({ length: 1 + below(8) }, chunk)))
    } else if (dice < 0.5) await world.delete(scope, idsOf(unique([chunk(), chunk()])))
    else if (dice < 0.503) await world.dropTenant(scope)
    else if (dice < 0.6) await stored?.seal()
    else if (dice < 0.65) await stored?.merge()
    else if (dice < 0.68) await stored?.save()
    else if (dice < 0.7) await stored?.evict()
    else if (dice < 0.705) {
      for (const index of world.parts.indexes.all()) await index.save()
    } else if (dice < 0.7065) await world.restart(first)
    else await compare(scope)
  }

  it('answers as the oracle does, whatever came before', { timeout: 1_800_000 }, async () => {
    for (let at = 0; at < STEPS; at++) {
      try {
        await step(pick(tenants))
      } catch (error) {
        throw new Error(`step ${at} of seed ${SEED}`, { cause: error })
      }
    }
    await world.restart(first)
    for (const scope of tenants) await compare(scope)
    expect(world.engine.lost()).toEqual([])
  })
})

function unique(chunks: readonly IndexedChunk[]): IndexedChunk[] {
  return [...new Map(chunks.map((each) => [each.id, each])).values()]
}

function rounded(
  candidates: readonly { readonly id: string; readonly score: number }[],
): (readonly [string, number])[] {
  return candidates
    .map(({ id, score }) => [id, Number(score.toPrecision(9))] as const)
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
}
