import type { UsageRecord } from '../catalog/catalog.ts'

/** Adds up what tenants use and writes it to the catalog in batches, so that no request waits for the ledger. */
export interface UsageLedger {
  record(record: UsageRecord): void
  /** Writes what has gathered; records that could not be written are kept for the next time. */
  flush(): Promise<void>
  close(): Promise<void>
}
