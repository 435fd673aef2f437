import type { Catalog, Index } from '../../catalog/catalog.ts'
import { QuarryError } from '../../core/errors.ts'
import { comparePositions, FEED_START, type FeedPosition, type IndexId } from '../../core/model.ts'
import type { IndexSpec, IndexWriter } from '../../core/vector-store.ts'
import { backoffMs, createWake, type Wake } from '../../core/wake.ts'
import type { Log } from '../../observe/log.ts'
import { type ApplyTarget, applyPlan, writeChunks } from './apply-plan.ts'
import { type CollectionPlan, planChanges } from './plan.ts'
import { CHANGES_CHANNEL } from './replica.ts'

type SharedFeed = Pick<
  Catalog['feed'],
  'horizon' | 'read' | 'loadChunks' | 'scan' | 'appliedPosition' | 'advance' | 'lease'
>

export interface SharedApplierDeps {
  readonly catalog: {
    readonly collections: Pick<Catalog['collections'], 'indexes' | 'get'>
    readonly feed: SharedFeed
  }
  /** The writer behind a store's name; null where the index lives in each process and the replica feeds it. */
  readonly sharedStore: (name: string) => IndexWriter | null
  /** Names this process among all that may apply. */
  readonly holder: string
  readonly listen: (channel: string, onNotice: () => void) => Promise<() => Promise<void>>
  readonly log: Log
  readonly limits: {
    readonly feedBatch: number
    readonly feedPollMs: number
    readonly applierLeaseMs: number
  }
}

export interface SharedApplier {
  close(): Promise<void>
}

/**
 * Keeps indexes on shared stores equal to the catalog. Of all processes one at a time works on an index, by a lease;
 * its place in the feed is kept in the catalog. Each index goes at its own speed.
 */
export async function startSharedApplier(deps: SharedApplierDeps): Promise<SharedApplier> {
  const closing = new AbortController()
  const loops = new Map<IndexId, { readonly wake: Wake; readonly done: Promise<void> }>()
  const roster = createWake()
  const ringAll = (): void => {
    roster.ring()
    for (const { wake } of loops.values()) wake.ring()
  }
  const stopListening = await deps.listen(CHANGES_CHANNEL, ringAll)
  const start = (index: Index, writer: IndexWriter): void => {
    const wake = createWake()
    const done = runIndex(index, writer, deps, wake, closing.signal).finally(() =>
      loops.delete(index.index),
    )
    loops.set(index.index, { wake, done })
  }
  const running = watchRoster(deps, roster, closing.signal, (index) => {
    const writer = deps.sharedStore(index.store)
    if (writer !== null && !loops.has(index.index)) start(index, writer)
  })
  return {
    async close() {
      closing.abort()
      await running
      await Promise.all([...loops.values()].map(({ done }) => done))
      await stopListening()
    },
  }
}

const ROSTER_EVERY_MS = 1_000
const BACKOFF_MAX_MS = 30_000

async function watchRoster(
  { catalog, log }: SharedApplierDeps,
  wake: Wake,
  closing: AbortSignal,
  onIndex: (index: Index) => void,
): Promise<void> {
  let failures = 0
  while (!closing.aborted) {
    try {
      for (const index of await catalog.collections.indexes()) onIndex(index)
      failures = 0
    } catch (error) {
      failures += 1
      log.warn({ err: error, failures }, 'the indexes on shared stores cannot be listed')
    }
    await wake.sleep(backoffMs(failures + 1, ROSTER_EVERY_MS, BACKOFF_MAX_MS), closing)
  }
}

interface Lease {
  /** Ends with the lease and at the close, so that a process that lost it stops writing. */
  readonly signal: AbortSignal
  end(): void
}

/** What one loop knows while it holds the lease; all of it is void when the lease goes. */
interface Session {
  lease: Lease | null
  leasedAtMs: number
  position: FeedPosition | null
}

/** Ends when the catalog no longer names the index or at the close; every other trouble is retried. */
async function runIndex(
  index: Index,
  writer: IndexWriter,
  deps: SharedApplierDeps,
  wake: Wake,
  closing: AbortSignal,
): Promise<void> {
  const spec: IndexSpec = { dense: index.spec.dense, lexical: null }
  const target: ApplyTarget = { index, spec, writer, feed: deps.catalog.feed }
  const session: Session = { lease: null, leasedAtMs: 0, position: null }
  let failures = 0
  while (!closing.aborted) {
    try {
      const next = await step(target, session, deps, closing)
      failures = 0
      if (next === 'gone') break
      if (next !== 'again') await wake.sleep(pauseOf(next, deps), closing)
    } catch (error) {
      voidSession(session)
      if (closing.aborted) return
      failures += 1
      deps.log.warn({ err: error, index: index.index, failures }, 'a shared index cannot be fed')
      await wake.sleep(backoffMs(failures, deps.limits.feedPollMs, BACKOFF_MAX_MS), closing)
    }
  }
  voidSession(session)
}

function voidSession(session: Session): void {
  session.lease?.end()
  session.lease = null
  session.position = null
}

type Step = 'again' | 'level' | 'not_mine' | 'gone'

function pauseOf(step: 'level' | 'not_mine', { limits }: SharedApplierDeps): number {
  return step === 'level' ? limits.feedPollMs : Math.ceil(limits.applierLeaseMs / 3)
}

async function step(
  target: ApplyTarget,
  session: Session,
  deps: SharedApplierDeps,
  closing: AbortSignal,
): Promise<Step> {
  const { index } = target
  const held = await hold(target, session, deps, closing)
  if (held !== 'mine') return held
  session.position ??= await deps.catalog.feed.appliedPosition(index.index)
  if (comparePositions(session.position, FEED_START) === 0) {
    return await loadAnew(target, session, deps, closing)
  }
  const changes = await deps.catalog.feed.read(session.position, deps.limits.feedBatch)
  const last = changes.at(-1)
  if (last === undefined) return 'level'
  const plan = planChanges(changes).get(index.collection)
  if (plan?.dropped === true && (await isGone(target, deps, closing))) return 'gone'
  if (plan !== undefined) await applyTo(target, plan, leaseOf(session))
  await moveOn(target, session, last.position, deps)
  return changes.length < deps.limits.feedBatch ? 'level' : 'again'
}

async function applyTo(
  target: ApplyTarget,
  plan: CollectionPlan,
  lease: AbortSignal,
): Promise<void> {
  if (plan.dropped) await recreate(target, lease)
  await applyPlan(plan, target, lease)
}

async function recreate({ index, writer, spec }: ApplyTarget, lease: AbortSignal): Promise<void> {
  await writer.dropIndex(index, lease)
  await writer.createIndex(index, spec, lease)
}

/** A cursor at the start means that nothing, or an unfinished load, is there: both begin from an empty index. */
async function loadAnew(
  target: ApplyTarget,
  session: Session,
  deps: SharedApplierDeps,
  closing: AbortSignal,
): Promise<Step> {
  const { index, feed } = target
  const { feedBatch } = deps.limits
  const { chunking, id } = index.space
  const horizon = await deps.catalog.feed.horizon()
  await recreate(target, leaseOf(session))
  let page = await feed.scan(index.collection, chunking, id, null, feedBatch)
  while (page.length > 0) {
    const held = await hold(target, session, deps, closing)
    if (held !== 'mine') return held
    await writeChunks(page, target, leaseOf(session))
    const last = page.at(-1)
    if (last === undefined || page.length < feedBatch) break
    const after = { tenant: last.tenant, chunk: last.id }
    page = await feed.scan(index.collection, chunking, id, after, feedBatch)
  }
  await moveOn(target, session, horizon, deps)
  return 'again'
}

/** Takes the lease or renews it in good time. */
async function hold(
  target: ApplyTarget,
  session: Session,
  deps: SharedApplierDeps,
  closing: AbortSignal,
): Promise<'mine' | 'not_mine' | 'gone'> {
  const { applierLeaseMs } = deps.limits
  const now = performance.now()
  if (session.lease !== null && now - session.leasedAtMs < applierLeaseMs / 3) return 'mine'
  if (await isGone(target, deps, closing)) return 'gone'
  const mine = await deps.catalog.feed.lease(target.index.index, deps.holder, applierLeaseMs)
  if (!mine) {
    voidSession(session)
    return 'not_mine'
  }
  session.lease?.end()
  session.lease = startLease(now + applierLeaseMs - performance.now(), closing)
  session.leasedAtMs = now
  return 'mine'
}

/** A timer of its own: `AbortSignal.any` over `AbortSignal.timeout` never fires once it was collected. */
function startLease(ms: number, closing: AbortSignal): Lease {
  const controller = new AbortController()
  const stop = (): void => controller.abort(new QuarryError('unavailable', 'the lease has ended'))
  const timer = setTimeout(stop, ms)
  closing.addEventListener('abort', stop, { once: true })
  if (closing.aborted) stop()
  return {
    signal: controller.signal,
    end() {
      clearTimeout(timer)
      closing.removeEventListener('abort', stop)
    },
  }
}

function leaseOf({ lease }: Session): AbortSignal {
  if (lease === null) throw new QuarryError('internal', 'the lease of a shared index was let go')
  return lease.signal
}

async function moveOn(
  { index }: ApplyTarget,
  session: Session,
  position: FeedPosition,
  { catalog, holder, log }: SharedApplierDeps,
): Promise<void> {
  if (await catalog.feed.advance(index.index, position, holder)) {
    session.position = position
    return
  }
  voidSession(session)
  log.warn({ index: index.index }, 'the lease on a shared index went to another process')
}

/** An index whose collection is gone goes too; one that is only retired stays for whoever retired it. */
async function isGone(
  { index, writer }: ApplyTarget,
  { catalog }: SharedApplierDeps,
  closing: AbortSignal,
): Promise<boolean> {
  const named = await catalog.collections.indexes()
  if (named.some((other) => other.index === index.index)) return false
  if ((await catalog.collections.get(index.collection)) === null) {
    await writer.dropIndex(index, closing)
  }
  return true
}
