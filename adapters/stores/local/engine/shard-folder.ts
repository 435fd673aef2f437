import { join } from 'node:path'
import type { IndexRef, TenantId } from '../../../../src/core/model.ts'
import { unending } from '../../../../src/core/unending.ts'
import { type DeletesAbout, readDeletes, writeDeletes } from '../segment/deletes.ts'
import {
  type ManifestSegment,
  readShardManifest,
  type ShardManifest,
  writeShardManifest,
} from '../segment/manifests.ts'
import { UnusableFile } from '../segment/unusable-file.ts'
import type { Segment } from '../shard/segment.ts'
import { Shard } from '../shard/shard.ts'
import { openSegmentFile } from './open-segment-file.ts'
import { graphOf, isShardFolder, SHARD_MANIFEST as MANIFEST, shardFolder } from './paths.ts'
import type { ShardContext, StoredShard } from './stored-shard.ts'

/** Damaged files are kept under this ending for whoever wants to look at them, until the shard is next emptied. */
const QUARANTINED = '.damaged'

export interface ShardSummary {
  readonly chunks: number
  readonly segments: number
  readonly bytesOnDisk: number
  readonly chunksByKind: Readonly<Record<string, number>>
}

export const NO_CHUNKS: ShardSummary = { chunks: 0, segments: 0, bytesOnDisk: 0, chunksByKind: {} }

/** Has the shard in memory as its manifest says; empty and lost where a file of it is of no use. */
export async function readShard(stored: StoredShard): Promise<Shard> {
  const { files, memory, room } = stored.context
  const read = await readShardManifest(files, stored.pathOf(MANIFEST))
  if (read.state === 'absent') {
    await files.makeFolder(stored.folder)
    const empty = new Shard(stored.spec, memory, [])
    await writeEmpty(stored, false)
    return empty
  }
  const found = await files.list(stored.folder)
  stored.nextName = 1 + Math.max(0, ...found.map((name) => Number.parseInt(name, 10) || 0))
  if (read.state !== 'read')
    return await loseShard(stored, new UnusableFile('damaged', stored.pathOf(MANIFEST), read.state))
  const { segments } = read.manifest
  await removeOthers(stored, found, segments)
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0)
  return await room.during(bytes, async () => {
    const opened: Segment[] = []
    try {
      for (const segment of segments) opened.push(await openSegment(stored, segment))
      return new Shard(stored.spec, memory, opened)
    } catch (error) {
      for (const each of opened) each.retire()
      if (!(error instanceof UnusableFile)) throw error
      return await loseShard(stored, error)
    }
  })
}

async function openSegment(stored: StoredShard, file: ManifestSegment): Promise<Segment> {
  const segment = await openSegmentFile(stored, file.file, file.rows)
  if (file.deletes === null) return segment
  try {
    const { files } = stored.context
    const path = stored.pathOf(file.deletes)
    const about = aboutDeletes(stored, file.deletes, file)
    const deletes = await readDeletes(files, path, about, unending)
    if (!segment.fitsDeletes(deletes))
      throw new UnusableFile('other_content', path, `these are not the deletes of ${file.file}`)
    segment.restoreDeletes(deletes, file.deletes)
    return segment
  } catch (error) {
    segment.retire()
    throw error
  }
}

/** Writes the state of this moment down; what changes meanwhile stays unsaved. */
export async function saveShard(
  stored: StoredShard,
  added: readonly ManifestSegment[] | undefined,
): Promise<void> {
  const { shard } = stored
  if (shard === null) return
  const { files } = stored.context
  const left = shard.saveBegins()
  let isSaved = false
  try {
    const unsaved = added === undefined ? left : undefined
    const position = unsaved === undefined ? stored.applied : unsaved
    const lost = stored.lost || (stored.lostOnDisk && unsaved !== undefined)
    const segments = [...shard.segments]
    const taken = segments.map((segment) => segment.takeDeletes())
    const written: ManifestSegment[] = []
    for (const [i, segment] of segments.entries())
      written.push(await saveSegment(stored, segment, taken[i] ?? null))
    written.push(...(added ?? []))
    const generation = stored.generation + 1
    const manifest: ShardManifest = {
      ...stored.scope,
      generation,
      position,
      lost,
      segments: written,
    }
    await writeShardManifest(files, stored.pathOf(MANIFEST), manifest)
    stored.generation = generation
    stored.lostOnDisk = lost
    stored.summary = summaryOf(manifest)
    isSaved = true
    await removeOthers(stored, await files.list(stored.folder), written)
  } finally {
    shard.saveEnds(isSaved)
  }
}

/** So that the deletes of another segment, which may have as many rows, are not taken for them. */
function aboutDeletes(
  { scope: { collection, index, tenant } }: StoredShard,
  name: string,
  { file, rows }: Pick<ManifestSegment, 'file' | 'rows'>,
): DeletesAbout {
  return { collection, index, tenant, file: name, segment: file, rows }
}

type TakenDeletes = ReturnType<Segment['takeDeletes']>

async function saveSegment(
  stored: StoredShard,
  segment: Segment,
  taken: TakenDeletes,
): Promise<ManifestSegment> {
  const { name: file, kind, rows, bytesOnDisk: bytes } = segment.parts
  if (taken !== null) {
    const name = `${stored.nextName++}.deletes`
    const release = stored.keepFile(name)
    try {
      const about = aboutDeletes(stored, name, { file, rows })
      await writeDeletes(stored.context.files, stored.pathOf(name), about, taken.deletes)
      segment.saved = { file: name, version: taken.version, count: taken.count }
    } finally {
      release()
    }
  }
  return { file, kind, rows, bytes, deletes: segment.saved.file, deletedRows: segment.saved.count }
}

/** Leaves alone what is being written now. */
async function removeOthers(
  stored: StoredShard,
  found: readonly string[],
  segments: readonly ManifestSegment[],
): Promise<void> {
  const kept = new Set([
    MANIFEST,
    ...segments.flatMap(({ file, deletes }) => [file, graphOf(file), deletes]),
  ])
  for (const name of found)
    if (!kept.has(name) && !stored.isKept(name) && !name.endsWith(QUARANTINED))
      await stored.context.files.remove(stored.pathOf(name))
}

/** The damaged file is put aside, and the shard is noted as lost before anything else may happen. */
async function loseShard(stored: StoredShard, cause: UnusableFile): Promise<Shard> {
  const { files, memory, log } = stored.context
  log.error({ err: cause, ...stored.scope }, 'a shard is lost and waits to be loaded again')
  if (cause.fault !== 'missing') await files.rename(cause.path, `${cause.path}${QUARANTINED}`)
  await writeEmpty(stored, true)
  stored.lost = true
  stored.lostOnDisk = true
  stored.summary = NO_CHUNKS
  return new Shard(stored.spec, memory, [])
}

/** So that a folder with files and no manifest is known to be damaged. */
async function writeEmpty(stored: StoredShard, lost: boolean): Promise<void> {
  const { scope, context } = stored
  stored.generation += 1
  await writeShardManifest(context.files, stored.pathOf(MANIFEST), {
    ...scope,
    generation: stored.generation,
    position: stored.applied,
    lost,
    segments: [],
  })
}

export interface FoundShard {
  readonly tenant: TenantId
  readonly summary: ShardSummary
  readonly lost: boolean
}

/**
 * What can be told of the shards of an index without loading them. Null where a manifest is damaged, gone or another
 * folder's, since only it says whose shard it was: then the whole index has to be loaded again.
 */
export async function readSummaries(
  indexFolder: string,
  ref: IndexRef,
  { files, log }: ShardContext,
): Promise<readonly FoundShard[] | null> {
  const found: FoundShard[] = []
  for (const name of (await files.list(indexFolder)).filter(isShardFolder)) {
    const folder = join(indexFolder, name)
    const read = await readShardManifest(files, join(folder, MANIFEST))
    if (read.state === 'absent' && (await files.list(folder)).length === 0) continue
    if (read.state !== 'read' || !isAt(read.manifest, ref, indexFolder, folder)) {
      log.error({ folder, state: read.state }, 'a shard has no manifest of its own')
      return null
    }
    const { tenant, lost } = read.manifest
    found.push({ tenant, lost, summary: summaryOf(read.manifest) })
  }
  return found
}

function isAt(
  manifest: ShardManifest,
  ref: IndexRef,
  indexFolder: string,
  folder: string,
): boolean {
  const { collection, index, tenant } = manifest
  const isOwn = collection === ref.collection && index === ref.index
  return isOwn && shardFolder(indexFolder, tenant) === folder
}

function summaryOf({ segments }: ShardManifest): ShardSummary {
  const chunksByKind: Record<string, number> = {}
  for (const { kind, rows, deletedRows } of segments)
    chunksByKind[kind] = (chunksByKind[kind] ?? 0) + rows - deletedRows
  return {
    chunks: segments.reduce((sum, { rows, deletedRows }) => sum + rows - deletedRows, 0),
    segments: segments.length,
    bytesOnDisk: segments.reduce((sum, { bytes }) => sum + bytes, 0),
    chunksByKind,
  }
}
