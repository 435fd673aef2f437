import { LIMITS } from '../core/limits.ts'
import type { CollectionId, TenantId } from '../core/model.ts'
import type { CallContext } from './route.ts'

export interface WaitQuery {
  readonly wait?: 'indexed' | undefined
  readonly wait_ms?: number | undefined
}

export interface Written {
  readonly tenant: TenantId
  readonly collection: CollectionId
  readonly version: bigint
}

/** Whether the write is searchable: at once false unless `?wait=indexed`, and false when the time is up. */
export async function waitIfAsked(
  { deps, signal }: Pick<CallContext, 'deps' | 'signal'>,
  { wait, wait_ms }: WaitQuery,
  { tenant, collection, version }: Written,
): Promise<boolean> {
  if (wait === undefined) return false
  const waitMs = Math.min(wait_ms ?? deps.settings.waitIndexedMs, LIMITS.waitIndexedMs.max)
  const controller = new AbortController()
  const stop = (): void => controller.abort()
  const timer = setTimeout(stop, waitMs)
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    return await deps.waitIndexed(tenant, collection, version, controller.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}
