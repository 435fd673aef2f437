import { join } from 'node:path'
import {
  comparePositions,
  type FeedPosition,
  type IndexRef,
  type TenantId,
} from '../../../../src/core/model.ts'
import type { IndexDescription } from '../../../../src/core/replica-engine.ts'
import type { IndexSpec } from '../../../../src/core/vector-store.ts'
import { explainKind } from '../build/choose-kind.ts'
import { writeIndexManifest } from '../segment/manifests.ts'
import { INDEX_MANIFEST, shardFolder } from './paths.ts'
import { type ShardContext, StoredShard } from './stored-shard.ts'

/** One index: its spec, and every tenant's shard of it. */
export class LocalIndex {
  readonly ref: IndexRef
  readonly spec: IndexSpec
  readonly folder: string
  readonly #context: ShardContext
  readonly shards = new Map<TenantId, StoredShard>()
  /** The number of the last write to each tenant's part, also of those emptied since. */
  readonly lastWrites = new Map<TenantId, number>()
  /** What `noteApplied` said last; after a restart, where the saved shards stand. Null while it is being loaded. */
  #applied: FeedPosition | null
  /** What the manifest on disk says. */
  #saved: FeedPosition | null
  #saving: Promise<void> = Promise.resolve()

  constructor(
    ref: IndexRef,
    spec: IndexSpec,
    folder: string,
    context: ShardContext,
    covered: FeedPosition | null,
  ) {
    this.ref = { collection: ref.collection, index: ref.index }
    this.spec = spec
    this.folder = folder
    this.#context = context
    this.#applied = covered
    this.#saved = covered
  }

  /** The tenant's shard, made where there is none. */
  shardToWrite(tenant: TenantId): StoredShard {
    return this.shards.get(tenant) ?? this.addShard(tenant)
  }

  addShard(tenant: TenantId): StoredShard {
    const scope = { ...this.ref, tenant }
    const folder = shardFolder(this.folder, tenant)
    const shard = new StoredShard(scope, this.spec, folder, this.#context, () => this.#applied)
    this.shards.set(tenant, shard)
    return shard
  }

  noteApplied(position: FeedPosition): void {
    if (this.#applied === null || comparePositions(position, this.#applied) > 0)
      this.#applied = position
  }

  /** Every change up to here is in files. */
  get covered(): FeedPosition | null {
    let covered = this.#applied
    for (const { unsavedSince } of this.shards.values()) {
      if (unsavedSince === undefined) continue
      if (unsavedSince === null || covered === null) return null
      if (comparePositions(unsavedSince, covered) < 0) covered = unsavedSince
    }
    return covered
  }

  /** Writes the position down where it has moved on; one call after another, since all write the same file. */
  async save(): Promise<void> {
    const saved = this.#saving.then(() => this.#saveNow())
    this.#saving = saved.catch(() => {})
    await saved
  }

  async #saveNow(): Promise<void> {
    const position = this.covered
    if (position === null) return
    if (this.#saved !== null && comparePositions(position, this.#saved) <= 0) return
    await writeIndexManifest(this.#context.files, join(this.folder, INDEX_MANIFEST), {
      ref: this.ref,
      spec: this.spec,
      position,
    })
    this.#saved = position
  }

  describe(): IndexDescription {
    const shards = [...this.shards.values()]
    const sum = (of: (shard: StoredShard) => number): number =>
      shards.reduce((total, shard) => total + of(shard), 0)
    return {
      ...this.ref,
      shards: shards.filter(({ chunkCount }) => chunkCount > 0).length,
      shardsLoaded: shards.filter(({ loaded }) => loaded).length,
      shardsBuilding: shards.filter(({ isBuilding }) => isBuilding).length,
      chunks: sum(({ chunkCount }) => chunkCount),
      segments: sum(({ shard, summary }) => shard?.segments.length ?? summary.segments),
      bytes: sum(({ shard }) => shard?.bytes ?? 0),
      bytesOnDisk: sum(({ summary }) => summary.bytesOnDisk),
      chunksByKind: kindsOf(shards),
      explanation: explainKind(this.spec.dense),
    }
  }
}

function kindsOf(shards: readonly StoredShard[]): Readonly<Record<string, number>> {
  const kinds: Record<string, number> = {}
  for (const shard of shards)
    for (const [kind, chunks] of shard.chunksByKind) kinds[kind] = (kinds[kind] ?? 0) + chunks
  return kinds
}
