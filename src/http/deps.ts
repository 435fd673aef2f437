import type { Catalog, Collection } from '../catalog/catalog.ts'
import type { CollectionPolicy } from '../catalog/policy.ts'
import type { Limits } from '../core/limits.ts'
import type { CollectionId, TenantId } from '../core/model.ts'
import type { EvalDesk } from '../evals/eval-desk.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { UsageLedger } from '../observe/usage.ts'
import type { RetrieveRequest, RetrieveResponse } from '../retrieve/request.ts'
import type { RecentRetrievals } from './recent-retrievals.ts'

/** What the routes stand on; the composition root builds it. */
export interface HttpDeps {
  readonly catalog: Catalog
  readonly retrieve: (request: RetrieveRequest) => Promise<RetrieveResponse>
  /** Fills in the defaults, refuses embedders, stores and rerankers that the config does not name. */
  readonly createCollection: (
    id: CollectionId,
    policy: unknown,
  ) => Promise<{ readonly collection: Collection; readonly created: boolean }>
  /** Checks a changed policy: what needs re-embedding is refused with `conflict`. */
  readonly updateCollection: (
    id: CollectionId,
    policy: Partial<CollectionPolicy>,
  ) => Promise<Collection>
  /** Nudges the outbox relay, so that a fresh write need not wait for its poll. */
  readonly notifyWrite: () => void
  /** Resolves true when the write is searchable in this process, false at the abort. */
  readonly waitIndexed: (
    tenant: TenantId,
    collection: CollectionId,
    version: bigint,
    signal: AbortSignal,
  ) => Promise<boolean>
  /** Ready to serve: catalog open, schema current, replica caught up, not draining. Reasons when not. */
  readonly readiness: () => Promise<{
    readonly ready: boolean
    readonly reasons: readonly string[]
  }>
  readonly evals: Pick<EvalDesk, 'start' | 'cancel'>
  /** What this process answered last, for promoting it to a golden query. */
  readonly recent: RecentRetrievals
  readonly log: Log
  readonly metrics: Metrics
  readonly usage: UsageLedger
  readonly settings: HttpSettings
}

export interface HttpSettings extends Limits {
  /** True: every request may act as admin of any tenant without a key. Only ever on loopback, chosen by the operator. */
  readonly insecureNoAuth: boolean
}
