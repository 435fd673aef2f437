import type { Catalog } from '../catalog/catalog.ts'
import type { Database } from '../catalog/database.ts'
import type { Config } from '../config/schema.ts'
import type { ReplicaEngine } from '../core/replica-engine.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { UsageLedger } from '../observe/usage.ts'
import type { Adapters } from './open-adapters.ts'

/** What the reading and the writing side of one service have in common. */
export interface Shared {
  readonly config: Config
  readonly database: Database
  readonly catalog: Catalog
  readonly adapters: Adapters
  /** This process' engine: the lexical side of every index, and the dense side of those on the local store. */
  readonly engine: ReplicaEngine
  readonly log: Log
  readonly metrics: Metrics
  readonly usage: UsageLedger
  readonly processId: string
}
