import { QuarryError } from '../../src/core/errors.ts'
import type { Scope } from '../../src/core/model.ts'
import type { FaultKind, StoreFaults } from './bench.ts'
import { Oracle } from './oracle.ts'

/** A store in front of an oracle that fails in the way `broken` says. */
function failing(broken: (kind: FaultKind, signal: AbortSignal) => Promise<never>): StoreFaults {
  return {
    kinds: ['unreachable', 'error', 'rate_limited', 'hang'],
    open: async () => {
      const oracle = new Oracle()
      let failure: FaultKind | undefined
      const store = new Proxy(oracle, {
        get: (target, name) => {
          const value = Reflect.get(target, name, target)
          if (typeof value !== 'function') return value
          if (failure === undefined || name === 'close') return value.bind(target)
          const kind = failure
          if (name === 'listChunkIds')
            return (_scope: Scope, signal: AbortSignal) => ({
              [Symbol.asyncIterator]: () => ({ next: () => broken(kind, signal) }),
            })
          return (...call: unknown[]) => broken(kind, call[call.length - 1] as AbortSignal)
        },
      })
      const fail = async (kind: FaultKind): Promise<void> => {
        failure = kind
      }
      return { store, fail }
    },
  }
}

/** Never settles by itself; rejects at the abort. */
function hung(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

const truthful = async (kind: FaultKind, signal: AbortSignal): Promise<never> => {
  if (kind === 'hang') return hung(signal)
  throw new QuarryError(kind === 'rate_limited' ? 'rate_limited' : 'upstream_failed', kind)
}

export const RIGHT_FAULTS: StoreFaults = failing(truthful)

export const WRONG_FAULTS: Readonly<Record<string, StoreFaults>> = {
  'the client’s own error leaks': failing(async (kind, signal) => {
    if (kind === 'unreachable') throw new TypeError('fetch failed')
    return truthful(kind, signal)
  }),
  'an upstream failure is called internal': failing(async (kind, signal) => {
    if (kind === 'error') throw new QuarryError('internal', 'oops')
    return truthful(kind, signal)
  }),
  'a rate limit is called the caller’s fault': failing(async (kind, signal) => {
    if (kind === 'rate_limited') throw new QuarryError('invalid_request', 'slow down')
    return truthful(kind, signal)
  }),
  'a failure reads as success': failing(async (kind, signal) =>
    kind === 'error' ? (undefined as never) : truthful(kind, signal),
  ),
  'a hang outlives the abort': failing(async (kind, signal) =>
    kind === 'hang' ? new Promise<never>(() => {}) : truthful(kind, signal),
  ),
}
