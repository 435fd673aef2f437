import type { Catalog } from '../../catalog/catalog.ts'
import { QuarryError } from '../../core/errors.ts'
import {
  type CollectionId,
  comparePositions,
  FEED_START,
  type FeedPosition,
} from '../../core/model.ts'
import type { Durability } from '../../core/replica-engine.ts'
import type { IndexWriter } from '../../core/vector-store.ts'
import { backoffMs, createWake, type Wake } from '../../core/wake.ts'
import type { Log } from '../../observe/log.ts'
import type { Metrics } from '../../observe/metrics.ts'
import { createMirrors, type Mirrors } from './mirrors.ts'
import { planChanges } from './plan.ts'

export interface ReplicaDeps {
  readonly catalog: {
    readonly collections: Pick<Catalog['collections'], 'indexes'>
    readonly feed: Pick<Catalog['feed'], 'horizon' | 'read' | 'loadChunks' | 'scan'>
  }
  /** This process' engine: dense and lexical parts behind one writer. */
  readonly engine: IndexWriter & Durability
  readonly localStore: string
  readonly listen: (channel: string, onNotice: () => void) => Promise<() => Promise<void>>
  readonly log: Log
  readonly metrics: Pick<Metrics, 'replicaLag'>
  readonly limits: { readonly feedBatch: number; readonly feedPollMs: number }
}

/** This process' engine, kept equal to the catalog. */
export interface Replica {
  /** Everything up to here is in the engine. */
  readonly position: FeedPosition
  /** Resolves when the first load is done and the feed was followed to its end once; rejects when closed before. */
  readonly ready: Promise<void>
  lag(): ReplicaLag
  /** Whether the collection's indexes here are complete; false for one that this replica has not met. */
  whole(collection: CollectionId): boolean
  /** True once the position is applied, false at the abort. */
  waitApplied(position: FeedPosition, signal: AbortSignal): Promise<boolean>
  /** Looks for new collections and changes now, and resolves when it has looked; false at the abort. */
  refresh(signal: AbortSignal): Promise<boolean>
  close(): Promise<void>
}

export interface ReplicaLag {
  /** Changes read and not yet applied; more may wait behind them. */
  readonly changes: number
  /** Since when the replica has not been level with the feed, 0 when it is. */
  readonly seconds: number
}

export const CHANGES_CHANNEL = 'quarry_changes'

const BACKOFF_MAX_MS = 10_000
const REFRESH_EVERY_MS = 1_000
const LEVEL_AGE_MS = 2_000

interface State {
  position: FeedPosition
  pending: number
  levelAtMs: number
  refreshedAtMs: number
  /** Looks that were asked for, and those that were done. */
  asked: number
  served: number
  readonly waiters: Set<() => void>
}

export async function startReplica(deps: ReplicaDeps): Promise<Replica> {
  const closing = new AbortController()
  const wake = createWake()
  const mirrors = createMirrors({ ...deps, feedBatch: deps.limits.feedBatch })
  const now = performance.now()
  const state: State = {
    position: FEED_START,
    pending: 0,
    levelAtMs: now,
    refreshedAtMs: Number.NEGATIVE_INFINITY,
    asked: 0,
    served: 0,
    waiters: new Set(),
  }
  const ready = deferred()
  const stopListening = await deps.listen(CHANGES_CHANNEL, () => wake.ring())
  const running = follow({ deps, mirrors, state, wake, onReady: ready.resolve }, closing.signal)
  return {
    get position() {
      return state.position
    },
    ready: ready.promise,
    lag: () => lagOf(state),
    whole: (collection) => mirrors.knows(collection) && mirrors.whole(collection),
    waitApplied: (position, signal) =>
      waitFor(() => comparePositions(state.position, position) >= 0, state, signal),
    refresh(signal) {
      state.asked += 1
      const wanted = state.asked
      wake.ring()
      return waitFor(() => state.served >= wanted, state, signal)
    },
    async close() {
      closing.abort()
      await running
      await stopListening()
      ready.reject(new QuarryError('unavailable', 'the replica was closed before it was ready'))
    },
  }
}

interface Loop {
  readonly deps: ReplicaDeps
  readonly mirrors: Mirrors
  readonly state: State
  readonly wake: Wake
  readonly onReady: () => void
}

async function follow(loop: Loop, closing: AbortSignal): Promise<void> {
  const { deps, mirrors, state, wake } = loop
  let failures = 0
  const begin = async (): Promise<void> => {
    const horizon = await deps.catalog.feed.horizon()
    await mirrors.refresh(closing)
    state.refreshedAtMs = performance.now()
    const kept = mirrors.startPosition()
    state.position = kept !== null && comparePositions(kept, horizon) < 0 ? kept : horizon
  }
  let next = begin
  while (!closing.aborted) {
    try {
      await next()
      next = () => turnAndRest(loop, closing)
      failures = 0
    } catch (error) {
      if (closing.aborted) return
      failures += 1
      deps.log.warn({ err: error, failures }, 'the replica cannot follow the feed')
      report(loop)
      await wake.sleep(backoffMs(failures, deps.limits.feedPollMs, BACKOFF_MAX_MS), closing)
    }
  }
}

async function turnAndRest(loop: Loop, closing: AbortSignal): Promise<void> {
  const { deps, mirrors, state, wake } = loop
  const busy = await turn(loop, closing)
  if (!busy && mirrors.whole(null)) loop.onReady()
  notify(state)
  if (!busy) await wake.sleep(deps.limits.feedPollMs, closing)
}

/** One page of what is still to load and one page of the feed; true when there may be more at once. */
async function turn(
  { deps, mirrors, state, ...rest }: Loop,
  closing: AbortSignal,
): Promise<boolean> {
  const startedAtMs = performance.now()
  const { asked } = state
  if (asked > state.served || startedAtMs - state.refreshedAtMs >= REFRESH_EVERY_MS) {
    await mirrors.refresh(closing)
    state.refreshedAtMs = startedAtMs
  }
  const loading = await mirrors.loadMore(closing)
  const changes = await deps.catalog.feed.read(state.position, deps.limits.feedBatch)
  state.pending = changes.length
  for (const [collection, plan] of planChanges(changes)) {
    await mirrors.apply(collection, plan, closing)
  }
  closing.throwIfAborted()
  state.position = changes.at(-1)?.position ?? state.position
  state.pending = 0
  mirrors.noteApplied(state.position)
  const level = changes.length < deps.limits.feedBatch
  if (level && mirrors.whole(null)) state.levelAtMs = startedAtMs
  const busy = !level || loading
  if (!busy) state.served = asked
  report({ deps, mirrors, state, ...rest })
  return busy
}

function report({ deps, mirrors, state }: Loop): void {
  const { changes, seconds } = lagOf(state)
  for (const id of mirrors.ids()) deps.metrics.replicaLag(id, changes, seconds)
}

/** A replica that is level looks at the feed every `feedPollMs`, so a little age is no lag. */
function lagOf({ pending, levelAtMs }: State): ReplicaLag {
  const ageMs = performance.now() - levelAtMs
  return { changes: pending, seconds: pending === 0 && ageMs < LEVEL_AGE_MS ? 0 : ageMs / 1_000 }
}

function notify(state: State): void {
  for (const waiter of [...state.waiters]) waiter()
}

async function waitFor(
  done: () => boolean,
  { waiters }: State,
  signal: AbortSignal,
): Promise<boolean> {
  if (done() || signal.aborted) return done()
  return await new Promise<boolean>((resolve) => {
    const look = (): void => {
      if (!done() && !signal.aborted) return
      waiters.delete(look)
      signal.removeEventListener('abort', look)
      resolve(done())
    }
    waiters.add(look)
    signal.addEventListener('abort', look, { once: true })
  })
}

function deferred() {
  let resolve: () => void = () => {}
  let reject: (reason: QuarryError) => void = () => {}
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  promise.catch(() => {})
  return { promise, resolve, reject }
}
