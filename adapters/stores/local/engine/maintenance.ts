import type { LocalIndex } from './local-index.ts'
import type { Logger } from './logger.ts'
import { QUIETS, type Quiet } from './merge-policy.ts'
import type { StoredShard } from './stored-shard.ts'

export interface MaintenanceDeps {
  readonly indexes: () => readonly LocalIndex[]
  readonly log: Logger
  readonly deltaRows: number
  readonly deltaBytes: number
  readonly sealAfterMs: number
}

/** Seals, merges and saves in the background, as writes make it necessary. */
export interface Maintenance {
  /** Waits while the shard's delta is so far ahead of the builder that more would only fill the memory. */
  beforeWrite(shard: StoredShard): Promise<void>
  /** To be called after a write, with the shard that took it. */
  noteWrite(shard: StoredShard): void
  /** To be called with a shard that was read from disk, whose segments may have been left as many. */
  noteLoaded(shard: StoredShard): void
  /** Seals and saves all that it can in the time, for a quick next start. */
  flush(withinMs: number): Promise<void>
  /** Begins nothing any more. */
  stop(): void
  /** Resolves when what was under way has ended. */
  settled(): Promise<void>
}

const EVERY_MS = 250
const RETRY_FIRST_MS = 500
const RETRY_MAX_MS = 60_000
/** Deltas of this many times the usual size make writers wait for the builder. */
const AHEAD_MAX = 4

/** What is known of a shard that has something to do. */
interface Task {
  readonly shard: StoredShard
  dirtySinceMs: number
  failures: number
  notBeforeMs: number
  running: Promise<void> | null
}

/** How long a shard in memory has been left alone, and for how many of the quiets it was merged. */
interface Rest {
  readonly sinceMs: number
  merges: number
}

export function startMaintenance(deps: MaintenanceDeps): Maintenance {
  return new Upkeep(deps)
}

class Upkeep implements Maintenance {
  readonly #deps: MaintenanceDeps
  readonly #tasks = new Map<StoredShard, Task>()
  readonly #merges = new Set<Promise<void>>()
  /** Shards that have not been merged yet as far as quiet goes since they were last written to or loaded. */
  readonly #rests = new Map<StoredShard, Rest>()
  readonly #timer: NodeJS.Timeout
  #looking: Promise<void> | null = null
  #stopped = false

  constructor(deps: MaintenanceDeps) {
    this.#deps = deps
    this.#timer = setInterval(() => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = null
      })
    }, EVERY_MS)
    this.#timer.unref()
  }

  async beforeWrite(shard: StoredShard): Promise<void> {
    while (this.#isFull(shard, AHEAD_MAX)) {
      const running = this.#tasks.get(shard)?.running
      if (running === null || running === undefined) return
      await running
    }
  }

  noteWrite(shard: StoredShard): void {
    const known = this.#tasks.get(shard)
    const task = known ?? {
      shard,
      dirtySinceMs: performance.now(),
      failures: 0,
      notBeforeMs: 0,
      running: null,
    }
    this.#tasks.set(shard, task)
    this.#beginRest(shard)
    if (this.#isFull(shard, 1)) this.#start(task)
  }

  noteLoaded(shard: StoredShard): void {
    this.#beginRest(shard)
  }

  async flush(withinMs: number): Promise<void> {
    const untilMs = performance.now() + withinMs
    for (const task of this.#tasks.values()) {
      if (performance.now() > untilMs) break
      await task.running
      this.#start(task)
      await task.running
    }
    await this.#saveIndexes()
  }

  stop(): void {
    this.#stopped = true
    clearInterval(this.#timer)
  }

  async settled(): Promise<void> {
    const running = [...this.#tasks.values()].map((task) => task.running)
    await Promise.all([this.#looking, ...this.#merges, ...running])
  }

  #isFull({ shard }: StoredShard, times: number): boolean {
    const { deltaRows, deltaBytes } = this.#deps
    if (shard === null) return false
    return shard.active.end >= deltaRows * times || shard.active.bytes >= deltaBytes * times
  }

  #start(task: Task): void {
    if (this.#stopped || task.running !== null || performance.now() < task.notBeforeMs) return
    task.running = this.#save(task)
      .catch((error: unknown) => this.#noteFailure(task, error))
      .finally(() => {
        task.running = null
      })
  }

  async #save(task: Task): Promise<void> {
    const { shard } = task
    do {
      task.dirtySinceMs = performance.now()
      if (!(await shard.seal())) await shard.save()
    } while (this.#isFull(shard, 1) && !this.#stopped)
    task.failures = 0
    if (shard.unsavedSince === undefined) this.#tasks.delete(shard)
    this.#merge(shard)
  }

  #noteFailure(task: Task, error: unknown): void {
    if (task.shard.discarded || this.#stopped) return
    task.failures += 1
    const pauseMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (task.failures - 1))
    task.notBeforeMs = performance.now() + pauseMs
    const { log } = this.#deps
    log.error({ err: error, ...task.shard.scope, pauseMs }, 'a shard could not be saved')
  }

  #merge(shard: StoredShard, quiet: Quiet | null = null): void {
    const merging = mergeAll(shard, quiet, () => this.#stopped)
      .catch((error: unknown) => {
        if (!this.#stopped && !shard.discarded)
          this.#deps.log.error({ err: error, ...shard.scope }, 'segments could not be merged')
      })
      .finally(() => this.#merges.delete(merging))
    this.#merges.add(merging)
  }

  async #look(): Promise<void> {
    const nowMs = performance.now()
    for (const task of this.#tasks.values()) {
      if (task.shard.discarded) this.#tasks.delete(task.shard)
      else if (nowMs - task.dirtySinceMs >= this.#deps.sealAfterMs || task.failures > 0)
        this.#start(task)
    }
    this.#mergeQuiet(nowMs)
    await this.#saveIndexes()
  }

  #beginRest(shard: StoredShard): void {
    this.#rests.set(shard, { sinceMs: performance.now(), merges: 0 })
  }

  #mergeQuiet(nowMs: number): void {
    for (const [shard, rest] of this.#rests) {
      const quiet = QUIETS[rest.merges]
      if (quiet === undefined || !shard.loaded) this.#rests.delete(shard)
      else if (nowMs - rest.sinceMs >= quiet.afterMs && !this.#isBusy(shard)) {
        rest.merges += 1
        this.#merge(shard, quiet)
      }
    }
  }

  #isBusy(shard: StoredShard): boolean {
    return this.#tasks.has(shard) || shard.isMerging
  }

  /** A position that could not be written down only makes the next start read more of the feed. */
  async #saveIndexes(): Promise<void> {
    try {
      for (const index of this.#deps.indexes()) await index.save()
    } catch (error) {
      this.#deps.log.error({ err: error }, 'an index could not be saved')
    }
  }
}

async function mergeAll(
  shard: StoredShard,
  quiet: Quiet | null,
  stopped: () => boolean,
): Promise<void> {
  while (!stopped() && !shard.discarded && (await shard.merge(quiet)));
}
