import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Builders } from '../../adapters/stores/local/build/builders.ts'
import { runJob } from '../../adapters/stores/local/build/run-job.ts'
import {
  type EngineParts,
  openEngineParts,
} from '../../adapters/stores/local/engine/open-engine-parts.ts'
import type { EngineSettings } from '../../adapters/stores/local/engine/settings.ts'
import type { StoredShard } from '../../adapters/stores/local/engine/stored-shard.ts'
import { type Disk, nodeDisk } from '../../adapters/stores/local/files/disk.ts'
import { type Files, filesOn } from '../../adapters/stores/local/files/files.ts'
import {
  type ChunkId,
  comparePositions,
  type FeedPosition,
  type Scope,
} from '../../src/core/model.ts'
import type { IndexedChunk, IndexSpec } from '../../src/core/vector-store.ts'
import { refOf } from '../conformance/bench.ts'
import { never } from '../conformance/fixture.ts'
import type { Oracle } from '../conformance/oracle.ts'

/** The real disk without waiting for it: what is tested with it does not lose power. */
export const unsynced: Disk = {
  ...nodeDisk,
  create: async (path) => ({ ...(await nodeDisk.create(path)), sync: async () => {} }),
  syncFolder: async () => {},
}
export const hastyFiles: Files = filesOn(unsynced)

/** Builds at once and in this thread, so that a test decides when. */
function immediateBuilders(files: Files): Builders {
  return { run: (job) => runJob(job, files), close: async () => {} }
}

/** One entry of a change feed: chunks that were written, deleted, or a tenant that was dropped. */
export interface FeedEntry {
  readonly scope: Scope
  readonly ids: readonly ChunkId[]
  readonly dropsTenant: boolean
}

/**
 * An engine on a folder, fed from a feed whose other reader is an oracle. Nothing happens in the background: the test
 * says when to seal, merge, evict and restart.
 */
export class EngineWorld {
  readonly folder: string
  readonly spec: IndexSpec
  readonly oracle: Oracle
  settings: EngineSettings
  #files: Files
  readonly #feed: FeedEntry[] = []
  #parts: EngineParts | null = null
  /** What the files covered when the engine was last opened; null where the index was loaded anew. */
  openedAt: FeedPosition | null = null

  constructor(
    folder: string,
    spec: IndexSpec,
    oracle: Oracle,
    files: Files,
    settings: EngineSettings,
  ) {
    this.folder = folder
    this.spec = spec
    this.oracle = oracle
    this.#files = files
    this.settings = { folder, deltaRows: 65_536, sealAfterMs: 3_600_000, ...settings }
  }

  get parts(): EngineParts {
    if (this.#parts === null) throw new Error('the engine is not open')
    return this.#parts
  }

  get engine() {
    return this.parts.engine
  }

  async open(scope: Scope, files: Files = this.#files): Promise<void> {
    this.#files = files
    const ground = { files, builders: immediateBuilders(files) }
    this.#parts = await openEngineParts(this.settings, ground)
    await this.engine.createIndex(refOf(scope), this.spec, never)
    this.openedAt = this.engine.covered(refOf(scope))
    await this.#replay(scope)
  }

  /** Ends without saving anything more, as a killed process does. */
  async kill(): Promise<void> {
    this.parts.maintenance.stop()
    await this.parts.indexes.close()
    await this.parts.release()
  }

  /** Is killed, and starts again from the files and the feed. */
  async restart(scope: Scope, files: Files = this.#files): Promise<void> {
    await this.kill()
    await this.open(scope, files)
  }

  stored({ tenant, ...ref }: Scope): StoredShard | undefined {
    return this.parts.indexes.get(ref)?.shards.get(tenant)
  }

  async upsert(scope: Scope, chunks: readonly IndexedChunk[]): Promise<void> {
    await this.oracle.upsert(scope, chunks, never)
    await this.#say({ scope, ids: chunks.map(({ id }) => id), dropsTenant: false })
  }

  async delete(scope: Scope, ids: readonly ChunkId[]): Promise<void> {
    await this.oracle.deleteChunks(scope, ids, never)
    await this.#say({ scope, ids, dropsTenant: false })
  }

  async dropTenant(scope: Scope): Promise<void> {
    await this.oracle.deleteTenant(scope, never)
    await this.#say({ scope, ids: [], dropsTenant: true })
  }

  /** Loads what was found damaged from the oracle again. */
  async restoreLost(): Promise<number> {
    const lost = this.engine.lost()
    for (const scope of lost) {
      await this.engine.deleteTenant(scope, never)
      await this.engine.upsert(scope, [...this.oracle.rows(scope).values()], never)
      this.engine.noteRestored(scope)
    }
    return lost.length
  }

  async close(): Promise<void> {
    await this.engine.close()
    await rm(this.folder, { recursive: true, force: true })
  }

  async #say(entry: FeedEntry): Promise<void> {
    this.#feed.push(entry)
    await this.#apply(entry)
    this.engine.noteApplied(refOf(entry.scope), positionAt(this.#feed.length))
  }

  /** As the replica does: from where the engine stands, each change by what is in the catalog now. */
  async #replay(scope: Scope): Promise<void> {
    const covered = this.engine.covered(refOf(scope))
    for (const [at, entry] of this.#feed.entries())
      if (covered === null || comparePositions(positionAt(at + 1), covered) > 0)
        await this.#apply(entry)
    this.engine.noteApplied(refOf(scope), positionAt(this.#feed.length))
  }

  async #apply({ scope, ids, dropsTenant }: FeedEntry): Promise<void> {
    if (dropsTenant) await this.engine.deleteTenant(scope, never)
    const rows = this.oracle.rows(scope)
    const live = ids.flatMap((id) => rows.get(id) ?? [])
    const gone = ids.filter((id) => !rows.has(id))
    await this.engine.deleteChunks(scope, gone, never)
    await this.engine.upsert(scope, live, never)
  }
}

function positionAt(seq: number): FeedPosition {
  return { xid: 1n, seq: BigInt(seq) }
}

export async function openEngineWorld(
  scope: Scope,
  spec: IndexSpec,
  oracle: Oracle,
  files: Files = hastyFiles,
  settings: EngineSettings = {},
): Promise<EngineWorld> {
  const world = new EngineWorld(
    await mkdtemp(join(tmpdir(), 'quarry-engine-')),
    spec,
    oracle,
    files,
    settings,
  )
  const { dense, lexical } = spec
  const exact = dense === null ? null : { ...dense, algorithm: { kind: 'flat' as const } }
  await oracle.createIndex(refOf(scope), { dense: exact, lexical }, never)
  await world.open(scope)
  return world
}
