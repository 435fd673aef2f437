import type { ChunkId, IndexId, Scope } from '../../core/model.ts'
import { type ApplyTarget, writeChunks } from './apply-plan.ts'
import type { MirrorsDeps } from './mirrors.ts'

/** Loads one more page of each tenant's part whose files were damaged; true when another page can follow at once. */
export type Restore = (
  targets: ReadonlyMap<IndexId, ApplyTarget>,
  signal: AbortSignal,
) => Promise<boolean>

/** Works like the load of a whole index, kept to one tenant; the feed goes on reaching the part meanwhile. */
export function createRestore({ engine, feedBatch, log }: MirrorsDeps): Restore {
  const lastChunks = new Map<string, ChunkId>()

  const restorePage = async (
    scope: Scope,
    target: ApplyTarget,
    signal: AbortSignal,
  ): Promise<void> => {
    const { tenant, collection, index } = scope
    const key = JSON.stringify([index, tenant])
    const { chunking, id: space } = target.index.space
    if (!lastChunks.has(key)) {
      log.warn({ tenant, index }, 'a damaged part of an index is loaded again')
      await engine.deleteTenant(scope, signal)
    }
    const after = { tenant, chunk: lastChunks.get(key) ?? ('' as ChunkId) }
    const page = await target.feed.scan(collection, chunking, space, after, feedBatch)
    const ours = page.filter((chunk) => chunk.tenant === tenant)
    await writeChunks(ours, target, signal)
    const last = ours.at(-1)
    if (last === undefined || ours.length < feedBatch) {
      lastChunks.delete(key)
      engine.noteRestored(scope)
      log.info({ tenant, index }, 'a damaged part of an index is whole again')
    } else {
      lastChunks.set(key, last.id)
    }
  }

  return async (targets, signal) => {
    for (const scope of engine.lost()) {
      const target = targets.get(scope.index)
      if (target !== undefined) await restorePage(scope, target, signal)
    }
    return engine.lost().length > 0
  }
}
