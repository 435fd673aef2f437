import { readFile, rm, writeFile } from 'node:fs/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { QuarryError } from '../../src/core/errors.ts'
import type { Candidate, Chunk, ChunkId, Scope } from '../../src/core/model.ts'
import type { IndexAlgorithm, IndexedChunk, IndexSpec } from '../../src/core/vector-store.ts'
import { refOf } from '../conformance/bench.ts'
import { chunkOf, idsOf, never, scopeOf, vectorOf } from '../conformance/fixture.ts'
import { Oracle } from '../conformance/oracle.ts'
import { type EngineWorld, openEngineWorld } from '../support/engine-world.ts'
import { type Damage, DamagedFolder } from '../support/folder-damage.ts'
import { seededRandom } from '../support/random.ts'

const CASES = Number(process.env['QUARRY_TEST_CORRUPTIONS'] ?? 1_000)
const SEED = Number(process.env['QUARRY_TEST_SEED'] ?? 20261121)
const K = 10

const alice = scopeOf('alice')
const bob = scopeOf('bob')
const tenants = [alice, bob]

let world: EngineWorld | undefined
afterEach(async () => {
  await world?.close()
  world = undefined
})

interface Answers {
  readonly dense: readonly Candidate[]
  readonly lexical: readonly Candidate[]
  readonly chunks: ReadonlyMap<ChunkId, Chunk>
}

/** What holds for the dense leg: its k best as the oracle has them, or scores that the oracle gives as well. */
type Exactness = 'exact' | 'near'

interface Size {
  readonly dimensions: number
  /** Of each segment. */
  readonly rows: number
  readonly segments: number
}

/** The tenants' chunks are alike in all but what they say, so that one's files would fit in the other's place. */
function chunksOf({ tenant }: Scope, segment: number, size: Size): IndexedChunk[] {
  return Array.from({ length: size.rows }, (_, i) => {
    const at = segment * size.rows + i
    return chunkOf(`c${at}`, {
      documentId: `d${at % Math.ceil(size.rows / 3)}`,
      ordinal: at,
      vector: vectorOf(at + (tenant === alice.tenant ? 0 : 500_000), size.dimensions),
      text: `${tenant} w${i % 7} w${i % 5} all`,
      metadata: { n: i % 4 },
    })
  })
}

async function closedWorld(algorithm: IndexAlgorithm, size: Size): Promise<EngineWorld> {
  const spec: IndexSpec = {
    dense: { dimensions: size.dimensions, metric: 'cosine', algorithm },
    lexical: { analyzer: 'unicode', k1: 0.9, b: 0.4 },
  }
  world = await openEngineWorld(alice, spec, new Oracle())
  for (const scope of tenants) {
    for (let segment = 0; segment < size.segments; segment++) {
      await world.upsert(scope, chunksOf(scope, segment, size))
      await world.stored(scope)?.seal()
    }
    for (let segment = 0; segment < size.segments; segment++) {
      const gone = segment + (scope === alice ? 0 : 3)
      await world.delete(
        scope,
        idsOf(chunksOf(scope, segment, size)).filter((_, i) => i % 6 === gone % 6 && i < 30),
      )
    }
  }
  await world.engine.close()
  return world
}

async function answersOf(
  from: Pick<Oracle, 'searchDense' | 'searchLexical'>,
  scope: Scope,
  dimensions: number,
): Promise<Omit<Answers, 'chunks'>> {
  const near = { vector: vectorOf(77, dimensions), k: K }
  const words = { text: 'w3 w2 all', k: K }
  const [dense, lexical] = [
    (await from.searchDense(scope, near, never)).candidates,
    (await from.searchLexical(scope, words, never)).candidates,
  ]
  return { dense, lexical }
}

class Examination {
  readonly #world: EngineWorld
  readonly #dimensions: number
  readonly #exactness: Exactness
  readonly #wanted = new Map<Scope, Answers>()
  /** Score of every chunk for the dense query. */
  readonly #scores = new Map<Scope, ReadonlyMap<ChunkId, number>>()

  constructor(at: EngineWorld, dimensions: number, exactness: Exactness) {
    this.#world = at
    this.#dimensions = dimensions
    this.#exactness = exactness
  }

  async prepare(): Promise<void> {
    const { oracle } = this.#world
    for (const scope of tenants) {
      const chunks = new Map<ChunkId, Chunk>()
      for (const [id, { vector: _, ...chunk }] of oracle.rows(scope)) chunks.set(id, chunk)
      this.#wanted.set(scope, { ...(await answersOf(oracle, scope, this.#dimensions)), chunks })
      const every = { vector: vectorOf(77, this.#dimensions), k: chunks.size }
      const { candidates } = await oracle.searchDense(scope, every, never)
      this.#scores.set(scope, new Map(candidates.map(({ id, score }) => [id, score])))
    }
  }

  /** True where the tenant is answered, and then as the oracle does; false where it is refused as lost. */
  async answers(scope: Scope): Promise<boolean> {
    const { engine } = this.#world
    const wanted = this.#wanted.get(scope) as Answers
    try {
      const ids = [...wanted.chunks.keys(), 'c0' as ChunkId, 'c6' as ChunkId]
      const chunks = await engine.readChunks(scope, ids, never)
      const found = await answersOf(engine, scope, this.#dimensions)
      expect(chunks).toEqual(wanted.chunks)
      expect(rounded(found.lexical)).toEqual(rounded(wanted.lexical))
      this.#checkDense(scope, found.dense, wanted.dense)
      return true
    } catch (error) {
      if (!(error instanceof QuarryError) || error.code !== 'unavailable') throw error
      expect(engine.lost()).toContainEqual(scope)
      return false
    }
  }

  #checkDense(scope: Scope, found: readonly Candidate[], wanted: readonly Candidate[]): void {
    if (this.#exactness === 'exact') {
      expect(rounded(found)).toEqual(rounded(wanted))
      return
    }
    const scores = this.#scores.get(scope)
    // Codes of 8 bits are what ivf_pq compares.
    for (const { id, score } of found) expect(score).toBeCloseTo(scores?.get(id) ?? Number.NaN, 2)
    const ids = new Set(idsOf(found))
    expect(found).toHaveLength(wanted.length)
    expect(idsOf(wanted).filter((id) => ids.has(id)).length).toBeGreaterThanOrEqual(0.7 * K)
  }
}

type Outcome = 'answered' | 'lost' | 'loaded anew'

/** Opens the engine on the damaged folder, has all answered, and everything again once what was lost is back. */
async function examine(at: EngineWorld, examination: Examination, isLong: boolean) {
  let outcome: Outcome = 'answered'
  await at.open(alice)
  if (at.openedAt === null) outcome = 'loaded anew'
  for (const scope of tenants) if (!(await examination.answers(scope))) outcome = 'lost'
  const lost = await at.restoreLost()
  expect(lost > 0).toBe(outcome === 'lost')
  for (const scope of tenants) expect(await examination.answers(scope)).toBe(true)
  if (isLong) {
    for (const scope of tenants) {
      await at.stored(scope)?.seal()
      await at.stored(scope)?.save()
    }
    for (const index of at.parts.indexes.all()) await index.save()
    await at.restart(alice)
    for (const scope of tenants) expect(await examination.answers(scope)).toBe(true)
    expect(at.engine.covered(refOf(alice))).not.toBeNull()
  }
  await at.kill()
  return outcome
}

async function harmOften(
  at: EngineWorld,
  examination: Examination,
  cases: number,
): Promise<ReadonlyMap<Outcome, number>> {
  await examination.prepare()
  const folder = await DamagedFolder.of(at.folder)
  const random = seededRandom(SEED)
  const outcomes = new Map<Outcome, number>()
  for (let number = 0; number < cases; number++) {
    const damage: Damage = await folder.harm(random)
    try {
      const outcome = await examine(at, examination, number % 20 === 0)
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    } catch (cause) {
      const { what, file } = damage
      throw new Error(`case ${number} of seed ${SEED}: ${what}: ${file}`, { cause })
    }
  }
  await at.open(alice)
  return outcomes
}

describe('files of a closed engine that are damaged', () => {
  it(`are told from sound ones in each of ${CASES} cases (seed ${SEED})`, async () => {
    const size = { dimensions: 8, rows: 12, segments: 3 }
    const at = await closedWorld({ kind: 'flat' }, size)
    const outcomes = await harmOften(at, new Examination(at, 8, 'exact'), CASES)
    for (const outcome of ['answered', 'lost', 'loaded anew'] as const)
      expect(outcomes.get(outcome) ?? 0, outcome).toBeGreaterThan(0)
  }, 600_000)

  const kinds: Readonly<Record<string, IndexAlgorithm>> = {
    ivf_pq: { kind: 'ivf_pq', lists: 16, subvectors: 8, bits: 8, probes: 16 },
    hnsw: { kind: 'hnsw', m: 8, efConstruction: 60, efSearch: 100 },
    'hnsw with int8': {
      kind: 'hnsw',
      m: 8,
      efConstruction: 60,
      efSearch: 100,
      quantization: 'int8',
    },
  }
  it.each(Object.entries(kinds))(
    'of %s are as well',
    async (_, algorithm) => {
      const size = { dimensions: 16, rows: 4_200, segments: 1 }
      const at = await closedWorld(algorithm, size)
      const outcomes = await harmOften(at, new Examination(at, 16, 'near'), Math.ceil(CASES / 40))
      expect(outcomes.get('lost') ?? 0).toBeGreaterThan(0)
    },
    600_000,
  )
})

describe('a file that is damaged under a running engine', () => {
  it.each(['flipped', 'removed'])('is found by the merge that reads it: %s', async (harm) => {
    const size = { dimensions: 8, rows: 12, segments: 3 }
    const at = await closedWorld({ kind: 'flat' }, size)
    await at.open(alice)
    await at.upsert(alice, chunksOf(alice, 3, size))
    await at.stored(alice)?.seal()
    const examination = new Examination(at, 8, 'exact')
    await examination.prepare()
    for (const scope of tenants) expect(await examination.answers(scope)).toBe(true)
    const stored = at.stored(alice)
    const [segment] = stored?.shard?.segments ?? []
    const path = stored?.pathOf(segment?.parts.name ?? '') ?? ''
    const bytes = await readFile(path)
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1
    await (harm === 'removed' ? rm(path) : writeFile(path, bytes))
    await expect(stored?.merge()).rejects.toThrow(path)
    expect(at.engine.lost()).toEqual([alice])
    expect(await examination.answers(alice)).toBe(false)
    expect(await examination.answers(bob)).toBe(true)
    await at.restart(alice)
    expect(await examination.answers(alice)).toBe(false)
    expect(await at.restoreLost()).toBe(1)
    for (const scope of tenants) expect(await examination.answers(scope)).toBe(true)
  })
})

function rounded(candidates: readonly Candidate[]): (readonly [string, number])[] {
  return candidates.map(({ id, score }) => [id, Number(score.toPrecision(6))] as const)
}
