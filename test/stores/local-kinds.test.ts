import { afterEach, describe, expect, it } from 'vitest'
import type { Filter } from '../../src/core/filter.ts'
import type { IndexAlgorithm, IndexedChunk, IndexSpec } from '../../src/core/vector-store.ts'
import { refOf } from '../conformance/bench.ts'
import { chunkOf, idsOf, never, scopeOf, vectorOf } from '../conformance/fixture.ts'
import { Oracle } from '../conformance/oracle.ts'
import { type EngineWorld, openEngineWorld } from '../support/engine-world.ts'
import { seededRandom } from '../support/random.ts'

const ROWS = 5_000
const DIMENSIONS = 24
const scope = scopeOf('alice')

const kinds: Readonly<Record<string, IndexAlgorithm>> = {
  hnsw: { kind: 'hnsw', m: 12, efConstruction: 100, efSearch: 100 },
  'hnsw with int8': {
    kind: 'hnsw',
    m: 12,
    efConstruction: 100,
    efSearch: 100,
    quantization: 'int8',
  },
  'ivf_pq with 8 bits': { kind: 'ivf_pq', lists: 64, subvectors: 12, bits: 8, probes: 8 },
  'ivf_pq with 4 bits': { kind: 'ivf_pq', lists: 64, subvectors: 12, bits: 4, probes: 8 },
}

let world: EngineWorld | undefined
afterEach(async () => {
  await world?.close()
  world = undefined
})

/** Vectors around 40 centres, as texts lie around their subjects; `about` is the subject. */
function corpus(seed: number, from: number, count: number): IndexedChunk[] {
  const random = seededRandom(seed)
  const centres = Array.from({ length: 40 }, (_, i) => vectorOf(9_000 + i, DIMENSIONS))
  return Array.from({ length: count }, (_, i) => {
    const about = Math.floor(random() * centres.length)
    const noise = vectorOf(seed * 100_000 + i, DIMENSIONS)
    const centre = centres[about] as Float32Array
    return chunkOf(`c${from + i}`, {
      revision: seed,
      vector: noise.map((value, j) => value * 0.6 + (centre[j] ?? 0)),
      text: `subject${about} word${i % 50}`,
      metadata: { about, part: i % 100 },
    })
  })
}

async function grown(algorithm: IndexAlgorithm): Promise<EngineWorld> {
  const spec: IndexSpec = {
    dense: { dimensions: DIMENSIONS, metric: 'cosine', algorithm },
    lexical: { analyzer: 'unicode', k1: 0.9, b: 0.4 },
  }
  world = await openEngineWorld(scope, spec, new Oracle())
  await world.upsert(scope, corpus(1, 0, ROWS))
  await world.stored(scope)?.seal()
  return world
}

async function recallAt10(at: EngineWorld, filter?: Filter): Promise<number> {
  let found = 0
  let wanted = 0
  for (const chunk of corpus(77, 0, 40)) {
    const query = { vector: chunk.vector as Float32Array, k: 10, filter }
    const exact = idsOf((await at.oracle.searchDense(scope, query, never)).candidates)
    const got = new Set(idsOf((await at.engine.searchDense(scope, query, never)).candidates))
    wanted += exact.length
    found += exact.filter((id) => got.has(id)).length
  }
  return found / wanted
}

describe.each(Object.entries(kinds))('%s', (_, algorithm) => {
  it('is what a large segment has, finds what is near, also under filters and after a restart', async () => {
    const at = await grown(algorithm)
    expect(at.engine.describe()[0]?.chunksByKind).toEqual({ [algorithm.kind]: ROWS })
    const filters: readonly (Filter | undefined)[] = [
      undefined,
      { op: 'eq', field: 'part', value: 7 },
      { op: 'lt', field: 'part', value: 50 },
      { op: 'in', field: 'about', values: [3, 4] },
    ]
    for (const filter of filters)
      expect(await recallAt10(at, filter), JSON.stringify(filter)).toBeGreaterThan(0.93)
    await at.engine.close()
    await at.open(scope)
    expect(at.engine.describe()[0]?.chunksByKind).toEqual({ [algorithm.kind]: ROWS })
    expect(at.engine.covered(refOf(scope))).not.toBeNull()
    expect(await recallAt10(at)).toBeGreaterThan(0.93)
  }, 120_000)
})

describe.each(['hnsw', 'ivf_pq with 8 bits'])('%s', (name) => {
  it('does not lose recall over ten rounds of replacing half of the rows', async () => {
    const at = await grown(kinds[name] as IndexAlgorithm)
    const first = await recallAt10(at)
    for (let round = 2; round < 12; round++) {
      const half = (round % 2) * (ROWS / 2)
      await at.upsert(scope, corpus(round, half, ROWS / 2))
      await at.stored(scope)?.seal()
      while (await at.stored(scope)?.merge());
    }
    expect(at.engine.describe()[0]?.chunks).toBe(ROWS)
    expect(await recallAt10(at)).toBeGreaterThan(Math.min(0.95, first - 0.02))
  }, 300_000)
})
