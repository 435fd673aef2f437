import { monitorEventLoopDelay } from 'node:perf_hooks'
import { openLocalEngine } from '../../adapters/stores/local/open-local-engine.ts'
import { chunkOfRow, scopeOf, textsFor } from '../data/chunks.ts'
import { openVectors, rowsOf, type VectorSource } from '../data/vectors.ts'
import type { Contender } from '../measure/lanes.ts'
import { lanesOver, never, settled } from './quarry-engine.ts'

export interface RestartTask {
  /** Left by an engine that was killed. */
  readonly folder: string
  readonly memoryBytes: number
  readonly vectors: VectorSource
  readonly queries: readonly string[]
  readonly k: number
}

const BATCH = 500
/** Of the clock that notices when the event loop comes late. */
const TICK_MS = 1
/** Ids of what is written while searches run, past those in the folder. */
const FIRST_NEW_ROW = 50_000_000

/**
 * An engine over a folder that is there already: lanes `idle` and, while chunks are written at full speed, `busy`; `stop`
 * answers how many were written and by how many milliseconds the event loop came late at p99.
 */
export async function openQuarryRestart(task: RestartTask): Promise<Contender> {
  const set = await openVectors(task.vectors)
  const texts = await textsFor(set.count)
  const vectors = rowsOf(set.base, set.dimensions)
  const scope = scopeOf('tenant')
  const startedMs = performance.now()
  const engine = await openLocalEngine({ folder: task.folder, memoryBytes: task.memoryBytes })
  const { hybrid = () => [] } = lanesOver(engine, scope, set.queries, task.queries, task.k)
  const first = await hybrid(0)
  const readySeconds = (performance.now() - startedMs) / 1_000
  const chunks = engine.describe()[0]?.chunks ?? 0
  const delays = monitorEventLoopDelay({ resolution: TICK_MS })
  let written = 0
  let ingest: Promise<void> | null = null
  const write = async (): Promise<void> => {
    while (ingest !== null) {
      const from = written
      const batch = vectors
        .slice(from % set.count, (from % set.count) + BATCH)
        .map((vector, i) =>
          chunkOfRow(FIRST_NEW_ROW + from + i, texts[(from + i) % set.count] ?? '', vector),
        )
      await engine.upsert(scope, batch, never)
      written += batch.length
    }
  }
  return {
    lanes: {
      idle: hybrid,
      busy: (query) => {
        ingest ??= Promise.resolve().then(write)
        delays.enable()
        return hybrid(query)
      },
      stop: async () => {
        const ending = ingest
        ingest = null
        await ending
        delays.disable()
        await settled(engine, chunks + written)
        return [written, delays.percentile(99) / 1e6 - TICK_MS]
      },
    },
    facts: { readySeconds, chunks, found: first.length },
  }
}
