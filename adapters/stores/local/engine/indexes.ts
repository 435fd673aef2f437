import { join } from 'node:path'
import type { IndexRef } from '../../../../src/core/model.ts'
import type { IndexSpec } from '../../../../src/core/vector-store.ts'
import { readIndexManifest, writeIndexManifest } from '../segment/manifests.ts'
import { LocalIndex } from './local-index.ts'
import { INDEX_MANIFEST, indexFolder } from './paths.ts'
import { readSummaries } from './shard-folder.ts'
import type { ShardContext } from './stored-shard.ts'

/** The indexes of this engine, in memory and in their folders. */
export interface Indexes {
  all(): readonly LocalIndex[]
  get(ref: IndexRef): LocalIndex | undefined
  create(ref: IndexRef, spec: IndexSpec): Promise<void>
  drop(ref: IndexRef): Promise<void>
  /** Lets go of all memory; the folders stay. */
  close(): Promise<void>
}

/** Takes up what a former process left; folders that cannot be read are removed, since the catalog has it all. */
export async function openIndexes(root: string, context: ShardContext): Promise<Indexes> {
  const indexes = new Map<string, LocalIndex>()
  await context.files.makeFolder(root)
  for (const name of await context.files.list(root)) {
    const index = await openIndex(root, join(root, name), context)
    if (index === null) await context.files.remove(join(root, name))
    else indexes.set(keyOf(index.ref), index)
  }
  /** Calls for one index run one after another, since folders are made and removed. */
  const turns = new Map<string, Promise<void>>()
  const inTurn = async (ref: IndexRef, work: () => Promise<void>): Promise<void> => {
    const before = turns.get(keyOf(ref)) ?? Promise.resolve()
    const mine = before.catch(() => {}).then(work)
    turns.set(keyOf(ref), mine)
    try {
      await mine
    } finally {
      if (turns.get(keyOf(ref)) === mine) turns.delete(keyOf(ref))
    }
  }

  return {
    all: () => [...indexes.values()],
    get: (ref) => indexes.get(keyOf(ref)),
    create: (ref, spec) =>
      inTurn(ref, async () => {
        if (indexes.has(keyOf(ref))) return
        const folder = indexFolder(root, ref)
        await context.files.remove(folder)
        await context.files.makeFolder(folder)
        const { collection, index } = ref
        await writeIndexManifest(context.files, join(folder, INDEX_MANIFEST), {
          ref: { collection, index },
          spec,
          position: null,
        })
        indexes.set(keyOf(ref), new LocalIndex(ref, spec, folder, context, null))
      }),
    async drop(ref) {
      const dropped = indexes.get(keyOf(ref))
      // At once, so that no call that comes later finds it.
      indexes.delete(keyOf(ref))
      await inTurn(ref, async () => {
        if (dropped === undefined) return
        for (const shard of dropped.shards.values()) await shard.discard()
        await context.files.remove(dropped.folder)
      })
    },
    async close() {
      for (const index of indexes.values())
        for (const shard of index.shards.values()) await shard.discard()
      indexes.clear()
    },
  }
}

async function openIndex(
  root: string,
  folder: string,
  context: ShardContext,
): Promise<LocalIndex | null> {
  const manifest = await readIndexManifest(context.files, join(folder, INDEX_MANIFEST))
  if (manifest.state !== 'read') {
    context.log.warn(
      { folder, state: manifest.state },
      'an index folder is of no use and is removed',
    )
    return null
  }
  const { ref, spec, position } = manifest.manifest
  if (indexFolder(root, ref) !== folder) {
    context.log.warn({ folder, ...ref }, 'an index folder has the manifest of another index')
    return null
  }
  const index = new LocalIndex(ref, spec, folder, context, position)
  const summaries = await readSummaries(folder, ref, context)
  if (summaries === null) return null
  for (const { tenant, summary, lost } of summaries) {
    const shard = index.addShard(tenant)
    shard.summary = summary
    shard.lost = lost
    shard.lostOnDisk = lost
  }
  return index
}

function keyOf({ collection, index }: IndexRef): string {
  return JSON.stringify([collection, index])
}
