import { QuarryError } from '../../src/core/errors.ts'
import type { Breaker } from '../breaker.ts'
import { abortError } from '../http.ts'
import { openBundle, type RunningBundle } from './bundle.ts'
import { openCall } from './call.ts'
import type { HostAnswer, HostCall } from './host.ts'
import type { ModelInput } from './protocol.ts'
import type { Item, Queue } from './queue.ts'
import type { Slot } from './slot.ts'

/** Hands what waits to the processes that are free. */
export interface Dispatcher {
  run(inputs: readonly ModelInput[], call: HostCall): Promise<HostAnswer>
  /** To be called whenever a process has become ready or has failed to start. */
  dispatch(): void
  close(): void
}

export interface DispatcherOptions {
  readonly name: string
  readonly slots: readonly Slot[]
  readonly queue: Queue
  readonly breaker: Breaker
  readonly tokensMax: number
  readonly waitingMax: number
  readonly graceMs: number
}

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { name, slots, queue, breaker } = options
  const running = new Set<RunningBundle>()
  const bulkMax = Math.max(1, slots.length - 1)
  let closed = false

  const refusal = (): QuarryError | null => {
    if (closed) return closedError(name)
    return faultOf(slots) ?? breaker.refusal()
  }
  const next = (): Item[] => {
    const queries = queue.take('query')
    if (queries.length > 0) return queries
    const bulk = [...running].filter(({ items }) => items[0]?.lane === 'bulk').length
    return bulk < bulkMax ? queue.take('bulk') : []
  }
  const fill = (slot: Slot): void => {
    const refused = refusal()
    if (refused !== null) for (const item of queue.drain()) item.fail(refused)
    const items = slot.isFree() ? next() : []
    if (items.length > 0) void serve(slot, items)
  }
  const dispatch = (): void => slots.forEach(fill)
  const serve = async (slot: Slot, items: readonly Item[]): Promise<void> => {
    const bundle = openBundle(items, options.graceMs)
    running.add(bundle)
    try {
      await breaker.run(() =>
        slot.use((child) => child.run(bundle.inputs, bundle.take, bundle.signal)),
      )
    } catch (error) {
      bundle.fail(error)
    } finally {
      running.delete(bundle)
      queue.putBack(bundle.close())
      dispatch()
    }
  }
  const leave = (): void => {
    queue.sweep()
    for (const bundle of running) bundle.look()
  }

  return {
    dispatch,
    run: async (inputs, call) => {
      const refused = call.signal.aborted ? abortError(call.signal) : refusal()
      if (refused !== null) throw refused
      if (queue.waiting(call.lane) >= options.waitingMax) throw full(name, options.waitingMax)
      const { items, done } = openCall(inputs, call, options.tokensMax, leave)
      queue.add(items)
      dispatch()
      return await done
    },
    close: () => {
      closed = true
      for (const bundle of running) bundle.refuse(closedError(name))
      dispatch()
    },
  }
}

/** Why no process could answer; null while one lives or is on its way. */
function faultOf(slots: readonly Slot[]): QuarryError | null {
  const faults = slots.map((slot) => slot.fault())
  return faults.every((fault) => fault !== null) ? (faults[0] ?? null) : null
}

function closedError(name: string): QuarryError {
  return new QuarryError('unavailable', `${name} is closed`, { retryable: false })
}

function full(name: string, most: number): QuarryError {
  return new QuarryError('rate_limited', `${name} has ${most} texts waiting already`, {
    details: { retryAfterMs: 1_000 },
  })
}
