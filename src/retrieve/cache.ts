import type { RetrieveResponse } from './request.ts'

/** What a retrieval found: all of its answer that can be given again. */
export type Found = Pick<RetrieveResponse, 'hits' | 'underFilled'>

/** Keys carry the tenant, so no tenant can tell from a fast answer what another one asked. */
export interface RetrieveCaches {
  readonly queryVectors: SharedCache<Float32Array>
  /** What generators made of queries. */
  readonly rewrites: SharedCache<readonly string[]>
  readonly results: LruCache<Found>
  /** Text of the longest answer kept in `results`. */
  readonly resultCharsMax: number
}

export function createCaches(limits: {
  readonly queryCacheEntries: number
  readonly resultCacheEntries: number
  readonly resultCacheChars: number
}): RetrieveCaches {
  return {
    queryVectors: new SharedCache(limits.queryCacheEntries),
    rewrites: new SharedCache(limits.queryCacheEntries),
    results: new LruCache(limits.resultCacheEntries),
    resultCharsMax: limits.resultCacheChars,
  }
}

/** The entries used last, at most `entriesMax` of them; 0 keeps none. */
export class LruCache<V> {
  readonly #entriesMax: number
  /** In order of use, the longest unused first. */
  readonly #entries = new Map<string, V>()

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): V | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, value)
    return value
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  set(key: string, value: V): void {
    if (this.#entriesMax === 0) return
    this.#entries.delete(key)
    this.#entries.set(key, value)
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#entriesMax) break
      this.#entries.delete(oldest)
    }
  }
}

interface Flight<V> {
  readonly value: Promise<V>
  readonly controller: AbortController
  waiters: number
  isOver: boolean
}

/** A cache that loads a missing value once for all who ask meanwhile. Failures are not kept. */
export class SharedCache<V> {
  readonly #kept: LruCache<V>
  readonly #flights = new Map<string, Flight<V>>()

  constructor(entriesMax: number) {
    this.#kept = new LruCache(entriesMax)
  }

  /** Rejects with the signal's reason at its abort; the load goes on while anybody else waits for it. */
  async get(
    key: string,
    signal: AbortSignal,
    load: (signal: AbortSignal) => Promise<V>,
  ): Promise<V> {
    signal.throwIfAborted()
    const kept = this.#kept.get(key)
    if (kept !== undefined) return kept
    const flight = this.#flights.get(key) ?? this.#start(key, load)
    flight.waiters += 1
    try {
      return await orAborted(flight.value, signal)
    } finally {
      flight.waiters -= 1
      if (flight.waiters === 0) this.#end(key, flight, signal)
    }
  }

  #start(key: string, load: (signal: AbortSignal) => Promise<V>): Flight<V> {
    const controller = new AbortController()
    const value = load(controller.signal)
      .then((loaded) => {
        this.#kept.set(key, loaded)
        return loaded
      })
      .finally(() => {
        flight.isOver = true
      })
    const flight: Flight<V> = { value, controller, waiters: 0, isOver: false }
    this.#flights.set(key, flight)
    return flight
  }

  /**
   * Nobody waits any more: whoever comes next starts anew, and a load that still runs is told to stop, with the last
   * waiter's reason: a deadline tells a circuit breaker another thing than a caller who went away.
   */
  #end(key: string, flight: Flight<V>, { aborted, reason }: AbortSignal): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
    if (!flight.isOver) flight.controller.abort(aborted ? reason : undefined)
  }
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = (): void => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
