import { rm } from 'node:fs/promises'
import { openLocalEngine } from '../../adapters/stores/local/open-local-engine.ts'
import { QuarryError } from '../../src/core/errors.ts'
import type { Scope } from '../../src/core/model.ts'
import type { ReplicaEngine } from '../../src/core/replica-engine.ts'
import type { IndexedChunk } from '../../src/core/vector-store.ts'
import { chunkOfRow, scopeOf, textsFor } from '../data/chunks.ts'
import { openVectors } from '../data/vectors.ts'
import type { Contender } from '../measure/lanes.ts'
import { lanesOver, never, settled, specOf } from './quarry-engine.ts'

export interface TenantsTask {
  readonly folder: string
  readonly tenants: number
  readonly chunksOfEach: number
  readonly memoryBytes: number
  readonly queries: readonly string[]
}

const VECTORS = 100_000
const K = 10
const RETRY_MS = 100
const REFUSALS_MAX = 600

/**
 * Many small tenants in less memory than all of them take. Lane `hot <leg>` keeps asking the same few, lane `cold` asks
 * each tenant in turn, so that the one asked has been away for longest.
 */
export async function openQuarryTenants(task: TenantsTask): Promise<Contender> {
  const { folder, tenants, chunksOfEach, memoryBytes, queries } = task
  const set = await openVectors({ kind: 'clustered', count: VECTORS, queries: 500 })
  const texts = await textsFor(VECTORS)
  await rm(folder, { recursive: true, force: true })
  const rssBefore = process.memoryUsage().rss
  const engine = await openLocalEngine({ folder, memoryBytes })
  await engine.createIndex(scopeOf('any'), specOf(set.dimensions, { kind: 'auto' }), never)
  let refusals = 0
  for (let tenant = 0; tenant < tenants; tenant++) {
    const batch = Array.from({ length: chunksOfEach }, (_, i) => {
      const source = (tenant * chunksOfEach + i) % VECTORS
      const from = source * set.dimensions
      return chunkOfRow(i, texts[source] ?? '', set.base.slice(from, from + set.dimensions))
    })
    refusals += await upsertPatiently(engine, scopeOf(`t${tenant}`), batch)
  }
  await settled(engine, tenants * chunksOfEach)
  const hot = lanesOver(engine, scopeOf('t0'), set.queries, queries, K)
  const lanesOfTenant = Array.from({ length: tenants }, (_, tenant) =>
    lanesOver(engine, scopeOf(`t${tenant}`), set.queries, queries, K),
  )
  return {
    lanes: {
      'hot dense': hot['dense'] ?? (() => []),
      'hot hybrid': hot['hybrid'] ?? (() => []),
      cold: (query) => lanesOfTenant[query % tenants]?.['hybrid']?.(query) ?? [],
    },
    facts: { rssBefore, refusals },
  }
}

/** As whoever follows the feed does: waits and tries again where the memory is full. Answers how often it had to. */
async function upsertPatiently(
  engine: ReplicaEngine,
  scope: Scope,
  chunks: readonly IndexedChunk[],
): Promise<number> {
  for (let refusals = 0; ; refusals++)
    try {
      await engine.upsert(scope, chunks, never)
      return refusals
    } catch (error) {
      const isFull = error instanceof QuarryError && error.code === 'unavailable'
      if (!isFull || refusals === REFUSALS_MAX) throw error
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
}
