import { afterEach, describe, expect, it, vi } from 'vitest'
import { QUIETS } from '../../adapters/stores/local/engine/merge-policy.ts'
import type { Files } from '../../adapters/stores/local/files/files.ts'
import type { Shard } from '../../adapters/stores/local/shard/shard.ts'
import type { Filter } from '../../src/core/filter.ts'
import type { Candidate, ChunkId, Scope } from '../../src/core/model.ts'
import type { IndexedChunk, IndexSpec } from '../../src/core/vector-store.ts'
import { refOf } from '../conformance/bench.ts'
import { chunkOf, idsOf, never, scopeOf, vectorOf } from '../conformance/fixture.ts'
import { Oracle } from '../conformance/oracle.ts'
import { type EngineWorld, hastyFiles, openEngineWorld } from '../support/engine-world.ts'
import { seededRandom } from '../support/random.ts'

const SEED = Number(process.env['QUARRY_TEST_SEED'] ?? 20261121)
const DIMENSIONS = 16
const TENANTS = 40
const ROWS = 250
/** Room for some ten of the tenants. */
const MEMORY_BYTES = 1_000_000

const spec: IndexSpec = {
  dense: { dimensions: DIMENSIONS, metric: 'cosine', algorithm: { kind: 'flat' } },
  lexical: { analyzer: 'unicode', k1: 0.9, b: 0.4 },
}
const tenants = Array.from({ length: TENANTS }, (_, i) => scopeOf(`tenant${i}`))
const [alice, bob] = tenants as [Scope, Scope]

let world: EngineWorld | undefined
afterEach(async () => {
  vi.useRealTimers()
  await world?.close()
  world = undefined
})

function chunksOf({ tenant }: Scope, revision: number, from = 0, count = ROWS): IndexedChunk[] {
  const seed = Number(tenant.replace(/\D/g, '')) * 10_000 + revision * 1_000_000
  return Array.from({ length: count }, (_, i) =>
    chunkOf(`c${from + i}`, {
      revision,
      documentId: `d${(from + i) % 50}`,
      ordinal: from + i,
      vector: vectorOf(seed + from + i, DIMENSIONS),
      text: `${tenant} w${i % 11} w${i % 7}`,
      metadata: { n: i % 5 },
    }),
  )
}

async function open(memoryBytes: number): Promise<EngineWorld> {
  world = await openEngineWorld(alice, spec, new Oracle(), undefined, { memoryBytes })
  return world
}

/** One after the other among alice's chunks. */
async function writeSegments(at: EngineWorld, count: number, rows: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await at.upsert(alice, chunksOf(alice, 1, i * rows, rows))
    await at.stored(alice)?.seal()
  }
}

async function agrees(at: EngineWorld, scope: Scope, seed: number): Promise<void> {
  const near = { vector: vectorOf(seed, DIMENSIONS), k: 10 }
  const words = { text: `w${seed % 11} w${seed % 7}`, k: 10 }
  const dense = await at.engine.searchDense(scope, near, never)
  const lexical = await at.engine.searchLexical(scope, words, never)
  expect(rounded(dense.candidates)).toEqual(
    rounded((await at.oracle.searchDense(scope, near, never)).candidates),
  )
  expect(rounded(lexical.candidates)).toEqual(
    rounded((await at.oracle.searchLexical(scope, words, never)).candidates),
  )
  const ids = idsOf([...at.oracle.rows(scope).values()])
  const read = await at.engine.readChunks(scope, ids, never)
  expect(read.size).toBe(ids.length)
  for (const { text } of read.values()) expect(text).toContain(`${scope.tenant} `)
}

function loaded(at: EngineWorld): number {
  return at.engine.describe()[0]?.shardsLoaded ?? 0
}

describe(`${TENANTS} tenants in the memory of a few`, () => {
  it(`answer alike, hot or cold, and never take more than they may (seed ${SEED})`, async () => {
    const at = await open(MEMORY_BYTES)
    const random = seededRandom(SEED)
    const memoryFits = (): void =>
      expect(at.parts.memory.bytesUsed).toBeLessThanOrEqual(MEMORY_BYTES)
    let fewest = TENANTS
    let revision = 1
    for (const scope of tenants) {
      await at.upsert(scope, chunksOf(scope, revision))
      memoryFits()
    }
    for (let step = 0; step < 600; step++) {
      const scope = tenants[Math.floor(random() * TENANTS)] as Scope
      const dice = random()
      if (dice < 0.1)
        await at.upsert(scope, chunksOf(scope, ++revision, Math.floor(random() * ROWS), 20))
      else if (dice < 0.15) await at.delete(scope, idsOf(chunksOf(scope, 1, step % ROWS, 5)))
      else if (dice < 0.2) await at.stored(scope)?.seal()
      else if (dice < 0.22) await at.stored(scope)?.merge()
      else await agrees(at, scope, step)
      memoryFits()
      fewest = Math.min(fewest, loaded(at))
    }
    expect(fewest).toBeLessThan(TENANTS / 2)
    expect(fewest).toBeGreaterThan(1)
    await at.restart(alice)
    for (const scope of tenants) {
      await agrees(at, scope, 5)
      memoryFits()
    }
  }, 120_000)

  it('are answered at once when many of them ask together', async () => {
    const at = await open(MEMORY_BYTES)
    for (const scope of tenants) await at.upsert(scope, chunksOf(scope, 1))
    for (let round = 0; round < 5; round++)
      for (let from = 0; from < TENANTS; from += 4)
        await Promise.all(
          tenants.slice(from, from + 4).map((scope) => agrees(at, scope, round * 100 + from)),
        )
    expect(at.parts.memory.bytesUsed).toBeLessThanOrEqual(MEMORY_BYTES)
    expect(loaded(at)).toBeLessThan(TENANTS / 2)
  }, 60_000)

  it('are counted with what their deltas take outside the regions', async () => {
    const at = await open(256_000_000)
    const chunks = chunksOf(alice, 1).map((chunk) => ({ ...chunk, text: 'word '.repeat(2_000) }))
    await at.upsert(alice, chunks)
    const texts = chunks.reduce((sum, { text }) => sum + text.length, 0)
    expect(at.parts.memory.bytesUsed).toBeGreaterThan(2 * texts)
    expect(at.parts.memory.bytesUsed).toBe(at.engine.describe()[0]?.bytes)
    await at.stored(alice)?.seal()
    expect(at.parts.memory.bytesUsed).toBeLessThan(2 * texts)
  }, 60_000)

  it('take nothing once they are gone', async () => {
    const at = await open(MEMORY_BYTES)
    for (const scope of tenants) await at.upsert(scope, chunksOf(scope, 1))
    await at.engine.dropIndex(refOf(alice), never)
    expect(at.parts.memory.bytesUsed).toBe(0)
  }, 60_000)
})

describe('a shard that leaves', () => {
  it('takes all it holds to its files, though others save it meanwhile', async () => {
    const at = await open(256_000_000)
    const indexes = at.parts.indexes.all()
    for (let round = 0; round < 40; round++) {
      await at.upsert(alice, chunksOf(alice, round + 1, (round * 20) % ROWS, 30))
      const stored = at.stored(alice)
      const leaving = stored?.evict()
      let isGone = false
      const gone = leaving?.then(() => {
        isGone = true
      })
      for (let turn = 0; turn < round; turn++) await new Promise(setImmediate)
      while (!isGone) {
        await stored?.seal()
        await stored?.save()
        await new Promise(setImmediate)
      }
      await gone
      expect(stored?.loaded).toBe(false)
      for (const index of indexes) await index.save()
      await at.restart(alice)
      await agrees(at, alice, round)
    }
  }, 60_000)
})

describe('a shard that cannot fit', () => {
  it('is refused with the numbers, and others are still answered', async () => {
    const large = await open(256_000_000)
    await large.upsert(alice, chunksOf(alice, 1, 0, 6_000))
    await large.upsert(bob, chunksOf(bob, 1, 0, 50))
    for (const scope of [alice, bob]) await large.stored(scope)?.seal()
    for (const index of large.parts.indexes.all()) await index.save()
    const bytes = large.stored(alice)?.shard?.bytes ?? 0
    await large.kill()
    const max = Math.floor(bytes / 2)
    large.settings = { ...large.settings, memoryBytes: max }
    await large.open(alice)
    for (let round = 0; round < 3; round++) {
      const query = { vector: vectorOf(1, DIMENSIONS), k: 10 }
      await expect(large.engine.searchDense(alice, query, never)).rejects.toMatchObject({
        code: 'unavailable',
        details: { asked: expect.any(Number), used: expect.any(Number), max },
      })
      await agrees(large, bob, round)
    }
    expect(large.engine.lost()).toEqual([])
    await large.kill()
    large.settings = { ...large.settings, memoryBytes: 256_000_000 }
    await large.open(alice)
    await agrees(large, alice, 1)
  }, 60_000)
})

/** So dear to evaluate that a search must pause. */
const DEAR: Filter = {
  op: 'and',
  filters: Array.from({ length: 64 }, (_, i) => ({
    op: 'nin' as const,
    field: 'n',
    values: Array.from({ length: 500 }, (_, v) => 10_000 + i * 1_000 + v),
  })),
}

/** Takes all that is free and writes over it, so that a search of what had been given back would show it. */
function spoilWhatIsFree({ parts: { memory } }: EngineWorld): void {
  const region = memory.allocate(memory.bytesMax - memory.bytesUsed - 64)
  region.u8.fill(0x7b)
  region.free()
}

describe('a search that pauses', () => {
  /** Two segments and a delta, and a search over them that has begun and waits for its next turn. */
  async function paused() {
    const at = await open(256_000_000)
    for (let round = 0; round < 4; round++) {
      await at.upsert(alice, chunksOf(alice, round + 1, round * 1_500, 2_000))
      await at.stored(alice)?.seal()
    }
    await at.upsert(alice, chunksOf(alice, 9, 100, 2_000))
    const query = { vector: vectorOf(3, DIMENSIONS), k: 50, filter: DEAR }
    const before = rounded((await at.oracle.searchDense(alice, query, never)).candidates)
    let done = false
    endTurn()
    const search = at.engine.searchDense(alice, query, never).finally(() => {
      done = true
    })
    await Promise.resolve()
    return { at, query, before, search, isDone: () => done }
  }

  /** Uses up this turn of the event loop, so that whoever looks at the clock next has to wait. */
  function endTurn(): void {
    const untilMs = performance.now() + 6
    while (performance.now() < untilMs);
  }

  it('keeps its shard in memory', async () => {
    const { at, before, search, isDone } = await paused()
    await at.stored(alice)?.evict()
    expect(isDone()).toBe(false)
    expect(at.stored(alice)?.loaded).toBe(true)
    expect(rounded((await search).candidates)).toEqual(before)
    await at.stored(alice)?.evict()
    expect(at.stored(alice)?.loaded).toBe(false)
    await agrees(at, alice, 1)
  }, 60_000)

  it.each<readonly [string, (shard: Shard) => void, boolean]>([
    ['its shard is closed', (shard) => shard.close(), true],
    ['its segments are replaced', (shard) => shard.replace(shard.segments, null), true],
    ['its tenant is dropped', (shard) => shard.clear(null), false],
  ])(
    'keeps what it reads when %s',
    async (_, change, findsAll) => {
      const { at, before, search, isDone } = await paused()
      const { shard } = at.stored(alice) ?? {}
      const used = at.parts.memory.bytesUsed
      change(shard as Shard)
      expect(at.parts.memory.bytesUsed).toBe(used)
      spoilWhatIsFree(at)
      expect(isDone()).toBe(false)
      expect(rounded((await search).candidates)).toEqual(findsAll ? before : [])
      expect(at.parts.memory.bytesUsed).toBeLessThan(used)
    },
    60_000,
  )

  it('finds the same while its segments are merged', async () => {
    const { at, before, search } = await paused()
    const merged = at.stored(alice)?.merge()
    expect(rounded((await search).candidates)).toEqual(before)
    expect(await merged).toBe(true)
    spoilWhatIsFree(at)
    await agrees(at, alice, 2)
  }, 60_000)
})

describe('a list that pauses', () => {
  it('holds every id that stays, once, though rows move and segments are merged and freed', async () => {
    const at = await open(256_000_000)
    await writeSegments(at, 4, 1_500)
    await at.upsert(alice, chunksOf(alice, 1, 6_000, 100))
    const listing = at.stored(alice)?.shard?.ids() as Generator<ChunkId>
    const listed = Array.from({ length: 10 }, () => listing.next().value as ChunkId)
    await at.upsert(alice, chunksOf(alice, 2, 4_000, 500))
    await at.stored(alice)?.seal()
    await at.upsert(alice, chunksOf(alice, 2, 5_000, 500))
    await at.delete(alice, idsOf(chunksOf(alice, 1, 3_000, 5)))
    expect(await at.stored(alice)?.merge(QUIETS[0])).toBe(true)
    spoilWhatIsFree(at)
    listed.push(...listing)
    const stayed = [...at.oracle.rows(alice).keys()]
    expect(stayed.filter((id) => !listed.includes(id))).toEqual([])
    expect(listed.filter((id) => !/^c\d+$/.test(id))).toEqual([])
    expect(new Set(listed).size).toBe(listed.length)
  })

  it('lets go of what it read when nobody wants the rest', async () => {
    const at = await open(256_000_000)
    await at.upsert(alice, chunksOf(alice, 1))
    await at.stored(alice)?.seal()
    const { shard } = at.stored(alice) ?? {}
    const used = at.parts.memory.bytesUsed
    for (const _ of shard?.ids() ?? []) break
    shard?.close()
    expect(at.parts.memory.bytesUsed).toBeLessThan(used)
  })
})

function rounded(candidates: readonly Candidate[]): (readonly [string, number])[] {
  return candidates.map(({ id, score }) => [id, Number(score.toPrecision(6))] as const)
}

describe('a shard that nobody writes to', () => {
  it('becomes one segment, also where a former process left several', async () => {
    const at = await open(256_000_000)
    await writeSegments(at, 3, 500)
    for (const index of at.parts.indexes.all()) await index.save()
    await at.restart(alice)
    expect(at.stored(alice)?.loaded).toBe(false)
    await agrees(at, alice, 3)
    expect(at.stored(alice)?.shard?.segments).toHaveLength(3)
    await vi.waitFor(() => expect(at.stored(alice)?.shard?.segments).toHaveLength(1), {
      timeout: 60_000,
    })
    await agrees(at, alice, 4)
  }, 90_000)

  it('is merged further once a merge has ended that was under way when its time came', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
    let release: () => void = () => {}
    let held: Promise<void> | undefined
    const files: Files = {
      ...hastyFiles,
      async writeDurably(path, pieces) {
        if (path.endsWith('.seg')) await held
        return hastyFiles.writeDurably(path, pieces)
      },
    }
    world = await openEngineWorld(alice, spec, new Oracle(), files, { memoryBytes: 256_000_000 })
    const at = world
    await writeSegments(at, 6, 500)
    for (const index of at.parts.indexes.all()) await index.save()
    await at.restart(alice)
    await agrees(at, alice, 3)
    held = new Promise((resolve) => {
      release = resolve
    })
    const merging = at.stored(alice)?.merge()
    await vi.advanceTimersByTimeAsync(2 * (QUIETS[0]?.afterMs ?? 0))
    expect(at.stored(alice)?.isMerging).toBe(true)
    release()
    expect(await merging).toBe(true)
    await vi.waitFor(() => expect(at.stored(alice)?.shard?.segments).toHaveLength(1), {
      timeout: 20_000,
    })
    await agrees(at, alice, 4)
  }, 60_000)
})
