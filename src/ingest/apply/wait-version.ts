import { setTimeout as pause } from 'node:timers/promises'
import type { Catalog, Index } from '../../catalog/catalog.ts'
import {
  type CollectionId,
  comparePositions,
  type FeedPosition,
  type TenantId,
} from '../../core/model.ts'
import type { Replica } from './replica.ts'

export interface WaitDeps {
  readonly catalog: {
    readonly collections: Pick<Catalog['collections'], 'get'>
    readonly feed: Pick<Catalog['feed'], 'settled' | 'appliedPosition'>
  }
  readonly replica: Pick<Replica, 'waitApplied' | 'whole'>
  /** Whether the store of this name outlives the process, so that its applier may be behind this replica. */
  readonly isShared: (store: string) => boolean
}

const LOOK_FIRST_MS = 5
const LOOK_MAX_MS = 100

/** True once every write up to `version` of this tenant's part is searchable from this process; false at the abort. */
export async function waitVersion(
  tenant: TenantId,
  collection: CollectionId,
  version: bigint,
  deps: WaitDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const { feed, collections } = deps.catalog
  const position = await until<FeedPosition>(signal, async () => {
    const { settled, position } = await feed.settled(tenant, collection, version)
    return settled ? position : null
  })
  if (position === null || !(await deps.replica.waitApplied(position, signal))) return false
  const found = await collections.get(collection)
  if (found === null) return false
  const done = await until<true>(signal, async () => {
    const whole = deps.replica.whole(collection)
    return whole && (await isApplied(found.serving, position, deps)) ? true : null
  })
  return done === true
}

async function isApplied(
  { index, store }: Index,
  position: FeedPosition,
  { catalog, isShared }: WaitDeps,
): Promise<boolean> {
  if (!isShared(store)) return true
  return comparePositions(await catalog.feed.appliedPosition(index), position) >= 0
}

/** Looks again with growing pauses; null at the abort. */
async function until<T>(signal: AbortSignal, look: () => Promise<T | null>): Promise<T | null> {
  let pauseMs = LOOK_FIRST_MS
  while (!signal.aborted) {
    const found = await look()
    if (found !== null) return found
    await pause(pauseMs, undefined, { signal }).catch(() => {})
    pauseMs = Math.min(LOOK_MAX_MS, pauseMs * 2)
  }
  return null
}
