import { QuarryError } from '../../../../src/core/errors.ts'
import type { BuildJob } from '../build/job.ts'
import type { ManifestSegment } from '../segment/manifests.ts'
import type { Delta } from '../shard/delta.ts'
import type { Segment } from '../shard/segment.ts'
import { chooseMerge, chooseQuietMerge, type Quiet } from './merge-policy.ts'
import { openSegmentFile } from './open-segment-file.ts'
import { graphOf } from './paths.ts'
import { FILL_SHARE } from './room.ts'
import type { StoredShard } from './stored-shard.ts'

/** Turns the oldest delta into a segment and saves; false where no delta had rows. */
export async function sealOnce(stored: StoredShard): Promise<boolean> {
  const { shard } = stored
  const delta = shard?.frozen[0] ?? shard?.freeze() ?? null
  if (shard === null || delta === null) return false
  const rows = delta.beginBuild()
  await put(stored, [delta], { kind: 'seal', ...rows, ...jobOf(stored) })
  return true
}

/**
 * Writes all that is not on disk, for a shard that is about to leave the memory: segments are made of its deltas and
 * named in the manifest without being opened, since there may be no room for them. Nobody may use the shard meanwhile.
 */
export async function sealAway(stored: StoredShard): Promise<void> {
  const { shard, context } = stored
  if (shard === null || shard.unsavedSince === undefined) return
  shard.freeze()
  const releases: (() => void)[] = []
  const added: ManifestSegment[] = []
  try {
    for (const delta of shard.frozen) {
      const { name, ...job } = { kind: 'seal', ...delta.beginBuild(), ...jobOf(stored) } as const
      releases.push(stored.keepFile(name))
      const { rows, kind, bytes } = await context.builders.run(job)
      if (rows > 0) added.push({ file: name, kind, rows, bytes, deletes: null, deletedRows: 0 })
    }
    await stored.save(added)
  } finally {
    for (const release of releases) release()
  }
}

/**
 * Writes several segments as one, or one without its dead rows; false where the policy asks for nothing. A source whose
 * file is of no use any more makes the shard lost, since the next start would find it so, and no merge would succeed.
 */
export async function mergeOnce(stored: StoredShard, quiet: Quiet | null): Promise<boolean> {
  const { segments = [], bytes = 0 } = stored.shard ?? {}
  const usual = chooseMerge(segments)
  const roomBytes = stored.context.memory.bytesMax * FILL_SHARE - bytes
  const sources =
    usual.length === 0 && quiet !== null
      ? chooseQuietMerge(segments, quiet.shareMin, roomBytes)
      : usual
  if (sources.length === 0) return false
  const inputs = sources.map((segment) => ({
    path: stored.pathOf(segment.parts.name),
    dead: segment.beginBuild(),
  }))
  try {
    return await put(stored, sources, { kind: 'merge', inputs, ...jobOf(stored) })
  } catch (error) {
    const isUsed = stored.shard?.holds(sources) === true && !stored.discarded
    if (isUsed && inputs.some(({ path }) => isUnusable(error, path))) {
      const { log } = stored.context
      log.error({ err: error, ...stored.scope }, 'a shard is lost and waits to be loaded again')
      stored.lost = true
      await stored.save()
    }
    throw error
  }
}

/** By what it says rather than by its class, which it leaves behind in the thread where it was thrown. */
function isUnusable(error: unknown, path: string): boolean {
  if (!(error instanceof QuarryError)) return false
  const { details } = error
  return details['fault'] !== undefined && details['path'] === path
}

type Place = Pick<BuildJob, 'path' | 'graphPath' | 'owner' | 'spec'> & { readonly name: string }

function jobOf(stored: StoredShard): Place {
  const name = `${stored.nextName++}.seg`
  const { collection, index, tenant } = stored.scope
  const path = stored.pathOf(name)
  return {
    name,
    path,
    graphPath: stored.pathOf(graphOf(name)),
    owner: { collection, index, tenant },
    spec: stored.spec,
  }
}

/** False where the sources were cleared away meanwhile: what was built from them is for nothing. */
async function put(
  stored: StoredShard,
  sources: readonly (Segment | Delta)[],
  { name, ...job }: BuildJob & Place,
): Promise<boolean> {
  const { builders, room } = stored.context
  const release = stored.keepFile(name)
  try {
    const built = await builders.run(job)
    const shard = stored.shard
    if (shard === null || stored.discarded || !shard.holds(sources)) return false
    const segment =
      built.rows === 0
        ? null
        : await room.duringBuild(built.bytes, () => openSegmentFile(stored, name, built.rows))
    if (stored.shard !== shard || stored.discarded || !shard.holds(sources)) {
      segment?.retire()
      return false
    }
    shard.replace(sources, segment)
    await stored.save()
    return true
  } finally {
    release()
  }
}
