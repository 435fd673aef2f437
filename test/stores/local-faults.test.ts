import { readdir } from 'node:fs/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { IndexedChunk, IndexSpec } from '../../src/core/vector-store.ts'
import { chunkOf, idsOf, listAll, never, scopeOf, vectorOf } from '../conformance/fixture.ts'
import { Oracle } from '../conformance/oracle.ts'
import { type EngineWorld, hastyFiles, openEngineWorld, unsynced } from '../support/engine-world.ts'
import { type Fault, faultyFiles } from '../support/faulty-files.ts'

const spec: IndexSpec = {
  dense: { dimensions: 8, metric: 'cosine', algorithm: { kind: 'flat' } },
  lexical: { analyzer: 'unicode', k1: 0.9, b: 0.4 },
}
const scope = scopeOf('alice')
const FAULTS: readonly (readonly [Fault['kind'], boolean])[] = [
  ['ENOSPC', false],
  ['EIO', true],
  ['torn', true],
]

let world: EngineWorld | undefined
afterEach(async () => {
  await world?.close()
  world = undefined
})

const rows = (from: number, revision: number): IndexedChunk[] =>
  Array.from({ length: 12 }, (_, i) =>
    chunkOf(`c${from + i}`, {
      revision,
      vector: vectorOf(from + i + revision),
      text: `w${i % 4} round${revision}`,
    }),
  )

async function agrees(at: EngineWorld): Promise<void> {
  expect(await listAll(at.engine, scope)).toEqual([...at.oracle.rows(scope).keys()].sort())
  const near = { vector: vectorOf(5), k: 15 }
  const found = await at.engine.searchDense(scope, near, never)
  expect(idsOf(found.candidates)).toEqual(
    idsOf((await at.oracle.searchDense(scope, near, never)).candidates),
  )
  const words = { text: 'w1 round2', k: 15 }
  const lexical = await at.engine.searchLexical(scope, words, never)
  expect(idsOf(lexical.candidates)).toEqual(
    idsOf((await at.oracle.searchLexical(scope, words, never)).candidates),
  )
}

interface Step {
  /** A write that fails is in the feed and not in the engine, until it is tried again. */
  readonly writes: boolean
  readonly run: (at: EngineWorld) => Promise<unknown>
}

const write = (run: Step['run']): Step => ({ writes: true, run })
const upkeep = (run: Step['run']): Step => ({ writes: false, run })

/** Segments with deletes, merged into one, saved, sent away and taken back: every way the engine writes. */
const STEPS: readonly Step[] = [
  ...[1, 2, 3, 4].flatMap((round) => [
    write((at) => at.upsert(scope, rows(round * 6, round))),
    upkeep(async (at) => at.stored(scope)?.seal()),
  ]),
  write((at) => at.delete(scope, idsOf(rows(8, 1).slice(0, 5)))),
  upkeep(async (at) => at.stored(scope)?.save()),
  upkeep(async (at) => at.stored(scope)?.merge()),
  write((at) => at.upsert(scope, rows(20, 9))),
  upkeep(async (at) => at.stored(scope)?.evict()),
  upkeep(async (at) => {
    for (const index of at.parts.indexes.all()) await index.save()
  }),
]

/** Goes through the steps, trying one that fails once more, as the engine's own maintenance does. */
async function walk(at: EngineWorld, dies: boolean): Promise<void> {
  for (const { writes, run } of STEPS) {
    const failed = await run(at).then(
      () => false,
      () => true,
    )
    if (failed && dies) return
    if (!failed) continue
    if (!writes) await agrees(at)
    await run(at)
  }
}

/** What lies in a shard's folder or is one; a save of the index's own files would wait for itself. */
const OF_A_SHARD = /[0-9a-f]{32}\/[0-9a-f]{32}/

/** The index's position is saved by a clock of its own, at any moment of a shard's save. */
async function saveIndexes(path: string): Promise<void> {
  if (!OF_A_SHARD.test(path)) return
  for (const index of world?.parts.indexes.all() ?? []) await index.save()
}

describe('a disk whose one call fails', () => {
  it.each(FAULTS)(
    'loses nothing, whichever call it is: %s, and the process dies: %s',
    async (kind, dies) => {
      let calls = Number.POSITIVE_INFINITY
      for (let number = 0; number < calls; number++) {
        world = await openEngineWorld(scope, spec, new Oracle())
        const faulty = faultyFiles({ at: number, kind, dies, meanwhile: saveIndexes }, unsynced)
        const starts = await world.restart(scope, faulty.files).then(
          () => true,
          () => false,
        )
        if (starts) await walk(world, dies)
        if (starts && !dies) await agrees(world)
        if (starts) await world.restart(scope, hastyFiles)
        else await world.open(scope, hastyFiles)
        await agrees(world)
        await world.stored(scope)?.seal()
        await world.stored(scope)?.save()
        const files = await readdir(world.folder, { recursive: true })
        const named = world.stored(scope)?.shard?.segments.length ?? 0
        expect(files.filter((name) => name.endsWith('.tmp') && name.includes('.seg'))).toEqual([])
        expect(files.filter((name) => name.endsWith('.seg'))).toHaveLength(named)
        await world.close()
        world = undefined
        // The fault lay behind the last call, so all of them were tried.
        calls = faulty.calls.length > number ? Number.POSITIVE_INFINITY : 0
      }
    },
    240_000,
  )
})
