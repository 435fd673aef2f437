import { join } from 'node:path'
import { QuarryError } from '../../../../src/core/errors.ts'
import type { Scope } from '../../../../src/core/model.ts'
import type { IndexSpec } from '../../../../src/core/vector-store.ts'
import type { Builders } from '../build/builders.ts'
import type { Files } from '../files/files.ts'
import type { Memory } from '../memory/memory.ts'
import type { ManifestSegment } from '../segment/manifests.ts'
import type { Shard } from '../shard/shard.ts'
import type { Since } from '../shard/since.ts'
import type { Logger } from './logger.ts'
import type { Quiet } from './merge-policy.ts'
import type { Evictable, Room } from './room.ts'
import { NO_CHUNKS, readShard, type ShardSummary, saveShard } from './shard-folder.ts'
import { mergeOnce, sealAway, sealOnce } from './shard-work.ts'

export interface ShardContext {
  readonly files: Files
  readonly memory: Memory
  readonly room: Room
  readonly builders: Builders
  readonly log: Logger
  /** Called with each shard that was read from disk. */
  readonly noteLoaded: (shard: StoredShard) => void
}

/** One tenant's part of one index: on disk always, in memory while it is used. */
export class StoredShard implements Evictable {
  readonly scope: Scope
  readonly spec: IndexSpec
  readonly folder: string
  readonly context: ShardContext
  /** The feed position that the index has applied. */
  readonly #applied: () => Since
  #shard: Shard | null = null
  #loading: Promise<Shard> | null = null
  #leaving: Promise<void> | null = null
  #saving: Promise<void> = Promise.resolve()
  #pins = 0
  #sealing = false
  #merging = false
  #discarded = false
  lastUsedAt = 0
  /** Its files were damaged: it answers nothing until the catalog's chunks were written again. */
  lost = false
  /** So that a restart knows it too; cleared by the first save that holds everything again. */
  lostOnDisk = false
  nextName = 1
  /** Of the manifest on disk; 0 where there is none. */
  generation = 0
  /** What was last read or saved, for what need not be loaded to be known. */
  summary: ShardSummary = NO_CHUNKS
  /** Files that are being written and that no manifest names yet. */
  readonly #kept = new Set<string>()

  constructor(
    scope: Scope,
    spec: IndexSpec,
    folder: string,
    context: ShardContext,
    applied: () => Since,
  ) {
    this.scope = scope
    this.spec = spec
    this.folder = folder
    this.context = context
    this.#applied = applied
  }

  get applied(): Since {
    return this.#applied()
  }

  get shard(): Shard | null {
    return this.#shard
  }

  get loaded(): boolean {
    return this.#shard !== null
  }

  /** Sealing, merging or on its way out of memory. */
  get isBuilding(): boolean {
    return this.#sealing || this.#merging || this.#leaving !== null
  }

  get busy(): boolean {
    return this.#pins > 0 || this.isBuilding || !this.loaded
  }

  get chunkCount(): number {
    return this.#shard?.chunkCount ?? this.summary.chunks
  }

  /** Since when something of it is not on disk; undefined where all is, and where a restart would load it again anyway. */
  get unsavedSince(): Since | undefined {
    return this.lostOnDisk ? undefined : this.#shard?.unsavedSince
  }

  get discarded(): boolean {
    return this.#discarded
  }

  /** Runs `work` on the shard in memory, which stays there meanwhile. */
  async use<T>(work: (shard: Shard) => T | Promise<T>): Promise<T> {
    this.#pins += 1
    this.lastUsedAt = performance.now()
    try {
      // Where it could not leave, it is still here; whoever sent it away is told why.
      await this.#leaving?.catch(() => {})
      return await work(this.#shard ?? (await this.#load()))
    } finally {
      this.#pins -= 1
    }
  }

  refuseIfLost(): void {
    if (this.lost)
      throw new QuarryError(
        'unavailable',
        `the index files of this tenant were damaged and are being loaded again from the catalog`,
      )
  }

  /** Turns one delta into a segment and saves; true when there was something to do. One at a time. */
  async seal(): Promise<boolean> {
    if (this.#sealing || this.#leaving !== null || this.#shard === null) return false
    this.#sealing = true
    try {
      return await sealOnce(this)
    } finally {
      this.#sealing = false
    }
  }

  get isMerging(): boolean {
    return this.#merging
  }

  /** Merges segments where the policy asks for it; true when it did. One at a time. */
  async merge(quiet: Quiet | null = null): Promise<boolean> {
    if (this.#merging || this.#leaving !== null || this.#shard === null) return false
    this.#merging = true
    try {
      return await mergeOnce(this, quiet)
    } finally {
      this.#merging = false
    }
  }

  /**
   * Saves run one after another, each of what stands when it begins. With `added`, what the deltas hold is in these
   * segments, and the shard is on its way out: whoever else saves it then would write a manifest without them.
   */
  async save(added?: readonly ManifestSegment[]): Promise<void> {
    const before = this.#saving
    const saved = (async () => {
      await before.catch(() => {})
      const isOvertaken = this.#leaving !== null && added === undefined
      if (!this.#discarded && !isOvertaken) await saveShard(this, added)
    })()
    this.#saving = saved
    await saved
  }

  /** Whoever wants to use the shard meanwhile waits, and finds it on disk. */
  async evict(): Promise<void> {
    if (this.busy || this.#shard === null) return
    this.#leaving = sealAway(this)
    try {
      await this.#leaving
      this.#leave()
    } finally {
      this.#leaving = null
    }
  }

  /** Lets go of the memory and of the right to write to the folder. */
  async discard(): Promise<void> {
    this.#discarded = true
    await this.#loading?.catch(() => {})
    await this.#leaving?.catch(() => {})
    await this.#saving.catch(() => {})
    this.#leave()
  }

  #leave(): void {
    const shard = this.#shard
    if (shard === null) return
    this.#shard = null
    this.context.room.remove(this)
    shard.close()
  }

  async #load(): Promise<Shard> {
    this.#loading ??= this.#read().finally(() => {
      this.#loading = null
    })
    return await this.#loading
  }

  async #read(): Promise<Shard> {
    const shard = await readShard(this).catch((error: unknown) => {
      throw this.#discarded ? dropped() : error
    })
    if (this.#discarded) {
      shard.close()
      throw dropped()
    }
    this.#shard = shard
    this.context.room.add(this)
    this.context.noteLoaded(this)
    return shard
  }

  /** Keeps a file from being tidied away until the answered function is called. */
  keepFile(name: string): () => void {
    this.#kept.add(name)
    return () => this.#kept.delete(name)
  }

  isKept(name: string): boolean {
    return this.#kept.has(name) || this.#kept.has(name.replace(/(\.graph)?(\.tmp)?$/, ''))
  }

  /** Chunks by how their vectors are searched. */
  get chunksByKind(): readonly (readonly [string, number])[] {
    return this.#shard?.chunksByKind ?? Object.entries(this.summary.chunksByKind)
  }

  pathOf(name: string): string {
    return join(this.folder, name)
  }
}

function dropped(): QuarryError {
  return new QuarryError('not_found', 'the index was dropped meanwhile')
}
