import type { Catalog, Index } from '../../catalog/catalog.ts'
import { QuarryError } from '../../core/errors.ts'
import {
  type ChunkId,
  type CollectionId,
  comparePositions,
  type FeedPosition,
  type IndexId,
  type TenantId,
} from '../../core/model.ts'
import type { Durability } from '../../core/replica-engine.ts'
import type { IndexSpec, IndexWriter } from '../../core/vector-store.ts'
import { backoffMs } from '../../core/wake.ts'
import type { Log } from '../../observe/log.ts'
import { type ApplyTarget, applyPlan, writeChunks } from './apply-plan.ts'
import type { CollectionPlan } from './plan.ts'
import { createRestore } from './restore.ts'

export interface MirrorsDeps {
  readonly catalog: {
    readonly collections: Pick<Catalog['collections'], 'indexes'>
    readonly feed: Pick<Catalog['feed'], 'loadChunks' | 'scan'>
  }
  readonly engine: IndexWriter & Durability
  /** The store name whose dense part is this process' own. */
  readonly localStore: string
  readonly feedBatch: number
  readonly log: Log
}

/** This process' copies of the catalog's indexes. One that fails is rebuilt alone; the others go on. */
export interface Mirrors {
  /** Takes up indexes that are new in the catalog, and drops those that it no longer names. */
  refresh(signal: AbortSignal): Promise<void>
  /** The earliest place that a copy left by a former process stands at; null where there is none. */
  startPosition(): FeedPosition | null
  /** To be called when every change up to here was applied. */
  noteApplied(position: FeedPosition): void
  /** Loads one more page of each copy that is not whole; true when another page can follow at once. */
  loadMore(signal: AbortSignal): Promise<boolean>
  apply(collection: CollectionId, plan: CollectionPlan, signal: AbortSignal): Promise<void>
  /** Indexes of the collection that answer with all their chunks; null stands for every collection. */
  whole(collection: CollectionId | null): boolean
  knows(collection: CollectionId): boolean
  ids(): readonly IndexId[]
}

interface Mirror extends ApplyTarget {
  state: 'new' | 'loading' | 'whole'
  after: { readonly tenant: TenantId; readonly chunk: ChunkId } | null
  failures: number
  retryAtMs: number
}

const RETRY_FIRST_MS = 100
const RETRY_MAX_MS = 30_000

export function createMirrors(deps: MirrorsDeps): Mirrors {
  const mirrors = new Map<IndexId, Mirror>()
  const of = (collection: CollectionId): Mirror[] =>
    [...mirrors.values()].filter(({ index }) => index.collection === collection)
  const guard = guardWith(deps.log)

  const dropAll = async (dropped: readonly Mirror[], signal: AbortSignal): Promise<void> => {
    for (const mirror of dropped) {
      await deps.engine.dropIndex(mirror.index, signal)
      mirrors.delete(mirror.index.index)
    }
  }

  const refresh = async (signal: AbortSignal): Promise<void> => {
    const named = new Map<IndexId, Index>()
    for (const index of await deps.catalog.collections.indexes()) named.set(index.index, index)
    const unnamed = [...mirrors.values()].filter(({ index }) => !named.has(index.index))
    await dropAll(unnamed, signal)
    for (const ref of deps.engine.indexes())
      if (!named.has(ref.index)) await deps.engine.dropIndex(ref, signal)
    for (const index of named.values()) {
      if (!mirrors.has(index.index)) mirrors.set(index.index, await takeUp(index, deps, signal))
    }
  }
  const restore = createRestore(deps)

  return {
    refresh,
    startPosition: () =>
      [...mirrors.values()]
        .map(({ index }) => deps.engine.covered(index))
        .filter((position) => position !== null)
        .reduce<FeedPosition | null>(earliest, null),
    noteApplied(position) {
      for (const { index, state } of mirrors.values())
        if (state === 'whole') deps.engine.noteApplied(index, position)
    },
    async loadMore(signal) {
      for (const mirror of mirrors.values()) {
        if (isDue(mirror)) await guard(mirror, signal, () => loadPage(mirror, deps, signal))
      }
      const restoring = await restore(mirrors, signal)
      return restoring || [...mirrors.values()].some(isDue)
    },
    async apply(collection, plan, signal) {
      // A collection made again under the same name has another index, so what the catalog names now decides.
      if (plan.dropped || of(collection).length === 0) await refresh(signal)
      for (const mirror of of(collection)) {
        if (mirror.state === 'new') continue
        await guard(mirror, signal, () => applyPlan(plan, mirror, signal))
      }
    },
    whole(collection) {
      const asked = collection === null ? [...mirrors.values()] : of(collection)
      return asked.every(({ state }) => state === 'whole')
    },
    knows: (collection) => of(collection).length > 0,
    ids: () => [...mirrors.keys()],
  }
}

const isDue = ({ state, retryAtMs }: Mirror): boolean =>
  state !== 'whole' && retryAtMs <= performance.now()

function earliest(a: FeedPosition | null, b: FeedPosition): FeedPosition {
  return a === null || comparePositions(b, a) < 0 ? b : a
}

/** A copy that a former process left, of the same make, is whole: the feed brings it up to date. */
async function takeUp(index: Index, deps: MirrorsDeps, signal: AbortSignal): Promise<Mirror> {
  const mirror = newMirror(index, deps)
  if (deps.engine.covered(index) === null) return mirror
  try {
    await deps.engine.createIndex(index, mirror.spec, signal)
    mirror.state = 'whole'
  } catch (error) {
    if (!(error instanceof QuarryError) || error.code !== 'conflict') throw error
    deps.log.info({ index: index.index }, 'the index is made otherwise now and is loaded anew')
    await deps.engine.dropIndex(index, signal)
  }
  return mirror
}

function newMirror(index: Index, { engine, localStore, catalog }: MirrorsDeps): Mirror {
  const spec: IndexSpec =
    index.store === localStore ? index.spec : { dense: null, lexical: index.spec.lexical }
  const start = { state: 'new', after: null, failures: 0, retryAtMs: 0 } as const
  return { index, spec, writer: engine, feed: catalog.feed, ...start }
}

/**
 * Loading and following take turns in one loop, so a page that is read here holds every change applied so far, and
 * those after it come by the feed.
 */
async function loadPage(mirror: Mirror, deps: MirrorsDeps, signal: AbortSignal): Promise<void> {
  const { index, spec, feed, writer } = mirror
  if (mirror.state === 'new') {
    await writer.dropIndex(index, signal)
    await writer.createIndex(index, spec, signal)
    mirror.state = 'loading'
    mirror.after = null
  }
  const { chunking, id } = index.space
  const page = await feed.scan(index.collection, chunking, id, mirror.after, deps.feedBatch)
  await writeChunks(page, mirror, signal)
  const last = page.at(-1)
  if (last === undefined || page.length < deps.feedBatch) {
    mirror.state = 'whole'
    mirror.failures = 0
  } else {
    mirror.after = { tenant: last.tenant, chunk: last.id }
  }
}

/**
 * An index that could not take a change is loaded anew: skipping the change would leave it wrong for ever. One that
 * cannot take it just now (no memory, no disk) keeps what it has, and the feed waits with it.
 */
function guardWith(log: Log) {
  return async (mirror: Mirror, signal: AbortSignal, work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      if (signal.aborted || (error instanceof QuarryError && error.code === 'unavailable'))
        throw error
      mirror.failures += 1
      mirror.state = 'new'
      const pauseMs = backoffMs(mirror.failures, RETRY_FIRST_MS, RETRY_MAX_MS)
      mirror.retryAtMs = performance.now() + pauseMs
      const { index, failures } = mirror
      log.error(
        { err: error, index: index.index, failures, pauseMs },
        'replica loads an index anew',
      )
    }
  }
}
