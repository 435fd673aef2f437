import { openLocalEngine } from '../../adapters/stores/local/open-local-engine.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { comparePositions } from '../../src/core/model.ts'
import type { ReplicaEngine } from '../../src/core/replica-engine.ts'
import { refOf } from '../conformance/bench.ts'
import { idsOf, listAll, never, vectorOf } from '../conformance/fixture.ts'
import { Oracle } from '../conformance/oracle.ts'
import { idsOfOp, OPS_SPEC, OPS_TENANTS, OpsCatalog, opAt } from './engine-ops.ts'

/**
 * Feeds an engine from a stream of steps until it is killed: `engine-child <folder> <seed> <from> <settled>`. It
 * starts as a replica does, from where the files stand, then says what is wrong, and goes on to write. Every number
 * on stdout is a step that is applied.
 */
const [folder = '', seedText = '1', settledText = '0'] = process.argv.slice(2)
const seed = Number(seedText)
const settled = Number(settledText)
const [first] = OPS_TENANTS
if (first === undefined) throw new Error('no tenants')
const ref = refOf(first)

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}
const positionAt = (step: number) => ({ xid: 1n, seq: BigInt(step) })

const catalog = new OpsCatalog()
for (let step = 0; step < settled; step++) catalog.apply(opAt(seed, step))

const engine = await openLocalEngine({
  folder,
  deltaRows: 64,
  sealAfterMs: 150,
  memoryBytes: 3_000_000,
})
await engine.createIndex(ref, OPS_SPEC, never)
await replay(engine)
await verify(engine)
say('verified')
for (let step = settled; ; step++) {
  catalog.apply(opAt(seed, step))
  await applyStep(engine, step)
  engine.noteApplied(ref, positionAt(step + 1))
  say(String(step + 1))
  if (step % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
}

/** As the replica does: what changed after the covered position is brought to what the catalog holds now. */
async function replay(at: ReplicaEngine): Promise<void> {
  const covered = at.covered(ref)
  say(`covered ${covered?.seq ?? 'nothing'} of ${settled}`)
  for (let step = 0; step < settled; step++)
    if (covered === null || comparePositions(positionAt(step + 1), covered) > 0)
      await applyStep(at, step)
  at.noteApplied(ref, positionAt(settled))
}

async function applyStep(at: ReplicaEngine, step: number): Promise<void> {
  const op = opAt(seed, step)
  if (op.kind === 'drop') await at.deleteTenant(op.scope, never)
  const rows = catalog.of(op.scope)
  const ids = idsOfOp(op)
  await whenThereIsRoom(() =>
    at.deleteChunks(
      op.scope,
      ids.filter((id) => !rows.has(id)),
      never,
    ),
  )
  await whenThereIsRoom(() =>
    at.upsert(
      op.scope,
      ids.flatMap((id) => rows.get(id) ?? []),
      never,
    ),
  )
}

/** As a replica's feed does: what the engine has no room for now is tried again. */
async function whenThereIsRoom(write: () => Promise<void>): Promise<void> {
  for (;;)
    try {
      return await write()
    } catch (error) {
      if (!(error instanceof QuarryError) || error.code !== 'unavailable') throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
}

async function verify(at: ReplicaEngine): Promise<void> {
  const oracle = new Oracle()
  await oracle.createIndex(ref, OPS_SPEC, never)
  if (at.lost().length > 0) fail('shards are lost')
  for (const scope of OPS_TENANTS) {
    const rows = catalog.of(scope)
    await oracle.upsert(scope, [...rows.values()], never)
    const ids = await listAll(at, scope)
    const missing = [...rows.keys()].filter((id) => !ids.includes(id))
    const risen = ids.filter((id) => !rows.has(id))
    if (missing.length + risen.length > 0)
      fail(`${scope.tenant} misses [${missing}] and still lists [${risen}]`)
    const read = await at.readChunks(scope, ids, never)
    for (const [id, { text }] of rows)
      if (read.get(id)?.text !== text) fail(`${scope.tenant} has an old text of ${id}`)
    const near = { vector: vectorOf(settled % 300), k: 20 }
    same(await at.searchDense(scope, near, never), await oracle.searchDense(scope, near, never))
    const words = { text: `w${settled % 20} w3`, k: 20 }
    same(
      await at.searchLexical(scope, words, never),
      await oracle.searchLexical(scope, words, never),
    )
  }
}

type Answer = Awaited<ReturnType<ReplicaEngine['searchDense']>>

function same(found: Answer, wanted: Answer): void {
  const scores = ({ candidates }: Answer): string =>
    candidates.map(({ score }) => score.toPrecision(8)).join()
  if (scores(found) !== scores(wanted))
    fail(`a search finds ${idsOf(found.candidates)}, not ${idsOf(wanted.candidates)}`)
}

function fail(what: string): never {
  say(`wrong: ${what} (seed ${seed}, after ${settled} steps)`)
  process.exit(1)
}
