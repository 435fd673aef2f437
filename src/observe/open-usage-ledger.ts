import type { Usage, UsageRecord } from '../catalog/catalog.ts'
import type { UsageLedger } from './usage.ts'

/**
 * Sums in memory by tenant and route, and writes every `flushEveryMs`. A crash loses at most what has gathered
 * since; a write whose answer was lost is counted again, since the catalog adds.
 */
export function openUsageLedger(
  usage: Usage,
  flushEveryMs: number,
  onFailure: (error: unknown) => void = (error) =>
    process.emitWarning(`usage ledger: ${String(error)}`),
): UsageLedger {
  let gathered = new Map<string, UsageRecord>()
  let writing: Promise<void> = Promise.resolve()

  const record = (added: UsageRecord): void => {
    const key = `${added.tenant}\u0000${added.route}`
    const sum = gathered.get(key)
    gathered.set(key, sum === undefined ? added : addUsage(sum, added))
  }
  const write = async (): Promise<void> => {
    const batch = gathered
    if (batch.size === 0) return
    gathered = new Map()
    try {
      await usage.add([...batch.values()])
    } catch (error) {
      for (const kept of batch.values()) record(kept)
      throw error
    }
  }
  const flush = (): Promise<void> => {
    const next = writing.then(write)
    writing = next.catch(() => undefined)
    return next
  }
  const timer = setInterval(() => {
    flush().catch(onFailure)
  }, flushEveryMs)
  timer.unref()

  return {
    record,
    flush,
    close: async () => {
      clearInterval(timer)
      await flush()
    },
  }
}

function addUsage(a: UsageRecord, b: UsageRecord): UsageRecord {
  return {
    tenant: a.tenant,
    route: a.route,
    requests: a.requests + b.requests,
    embedTokens: a.embedTokens + b.embedTokens,
    rerankDocuments: a.rerankDocuments + b.rerankDocuments,
    generateInputTokens: a.generateInputTokens + b.generateInputTokens,
    generateCachedTokens: a.generateCachedTokens + b.generateCachedTokens,
    generateOutputTokens: a.generateOutputTokens + b.generateOutputTokens,
    documents: a.documents + b.documents,
    bytes: a.bytes + b.bytes,
  }
}
