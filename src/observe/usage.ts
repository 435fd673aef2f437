import type { UsageRecord } from '../catalog/catalog.ts'
import type { GeneratorTokens } from '../core/generator.ts'

/** Adds up what tenants use and writes it to the catalog in batches, so that no request waits for the ledger. */
export interface UsageLedger {
  record(record: UsageRecord): void
  /** Writes what has gathered; records that could not be written are kept for the next time. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** A generator's tokens as the ledger's fields. */
export function generateUsage({ input, cached, output }: GeneratorTokens) {
  return {
    generateInputTokens: input,
    generateCachedTokens: cached,
    generateOutputTokens: output,
  } satisfies Partial<UsageRecord>
}

export const NO_USAGE = {
  requests: 0,
  embedTokens: 0,
  rerankDocuments: 0,
  generateInputTokens: 0,
  generateCachedTokens: 0,
  generateOutputTokens: 0,
  documents: 0,
  bytes: 0,
} as const satisfies Omit<UsageRecord, 'tenant' | 'route'>
