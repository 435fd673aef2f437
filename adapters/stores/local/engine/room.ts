import { QuarryError } from '../../../../src/core/errors.ts'
import type { Memory } from '../memory/memory.ts'

/** Something that can leave the memory and come back from disk. */
export interface Evictable {
  readonly lastUsedAt: number
  /** In use by a search, a write or a builder. */
  readonly busy: boolean
  readonly loaded: boolean
  /** Busy with what will give memory back, or let it leave. */
  readonly isBuilding: boolean
  /** Saves what is not on disk and leaves. */
  evict(): Promise<void>
}

/** Share of the budget that loading fills; the rest is for deltas and for segments that take the place of others. */
export const FILL_SHARE = 0.9

/** How long a write or a load waits for segments that are being built, which make room or let their shards leave. */
const WAIT_MS_MAX = 2_000
const LOOK_MS = 5

/** Keeps the memory below its budget by letting the shards go that were not used for longest. */
export class Room {
  readonly #memory: Memory
  readonly #residents = new Set<Evictable>()
  /** Promised to loads that have not allocated yet. */
  #promised = 0

  constructor(memory: Memory) {
    this.#memory = memory
  }

  add(resident: Evictable): void {
    this.#residents.add(resident)
  }

  remove(resident: Evictable): void {
    this.#residents.delete(resident)
  }

  /**
   * Runs `work` once so many bytes are free, and keeps them free for it. Waits for builders where only they can make room.
   * @throws QuarryError `unavailable` where everything else is in use, with the numbers
   */
  async during<T>(bytes: number, work: () => T | Promise<T>): Promise<T> {
    return await this.#during(bytes, WAIT_MS_MAX, work)
  }

  /** The same for a builder, which waits for no other, or each would wait for another. */
  async duringBuild<T>(bytes: number, work: () => T | Promise<T>): Promise<T> {
    return await this.#during(bytes, 0, work)
  }

  async #during<T>(bytes: number, waitMs: number, work: () => T | Promise<T>): Promise<T> {
    this.#promised += bytes
    try {
      await this.#make(bytes, performance.now() + waitMs)
      return await work()
    } finally {
      this.#promised -= bytes
    }
  }

  async #make(bytes: number, waitUntilMs: number): Promise<void> {
    const budget = this.#memory.bytesMax * FILL_SHARE
    while (this.#memory.bytesUsed + this.#promised > budget) {
      const victim = this.#longestUnused()
      if (victim === null) {
        if (this.#memory.bytesUsed + this.#promised <= this.#memory.bytesMax) return
        if (performance.now() < waitUntilMs && this.#isBuilding()) {
          await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
          continue
        }
        throw new QuarryError(
          'unavailable',
          `${bytes} bytes do not fit in the engine's memory: ${this.#memory.bytesUsed} of ${this.#memory.bytesMax} are in use`,
          { details: { asked: bytes, used: this.#memory.bytesUsed, max: this.#memory.bytesMax } },
        )
      }
      await victim.evict()
    }
  }

  #isBuilding(): boolean {
    for (const { isBuilding } of this.#residents) if (isBuilding) return true
    return false
  }

  #longestUnused(): Evictable | null {
    let victim: Evictable | null = null
    for (const resident of this.#residents)
      if (
        resident.loaded &&
        !resident.busy &&
        resident.lastUsedAt < (victim?.lastUsedAt ?? Number.POSITIVE_INFINITY)
      )
        victim = resident
    return victim
  }
}
