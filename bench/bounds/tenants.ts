import { lexicalTask } from '../data/lexical-task.ts'
import { percentile } from '../load.ts'
import { summarize } from '../measure/lanes.ts'
import { atMost, type Bound } from './bound.ts'
import { type BoundContext, required, withContender, withFolder } from './context.ts'

const CHUNKS_OF_EACH = 1_000
/** What builder threads and the engine's own tables take beside segments and deltas. */
const BESIDE_BYTES = 512 * 2 ** 20
/** The whole size takes a million chunks to be written first. The budget is for all that the engine adds to the process. */
const WHOLE = { tenants: 1_000, budgetBytes: 2 ** 30 }
const FIFTH = { tenants: 200, budgetBytes: BESIDE_BYTES + Math.floor(2 ** 30 / 8) }
const HOT_QUERIES = 1_000

/** Many small tenants that do not all fit in memory: the ones in use, the ones that were not, and the memory. */
export async function measureTenants({ log, full }: BoundContext): Promise<readonly Bound[]> {
  const { tenants, budgetBytes } = full ? WHOLE : FIFTH
  const memoryBytes = budgetBytes - BESIDE_BYTES
  const { queries } = await lexicalTask(100_000)
  const sizes = { tenants, chunksOfEach: CHUNKS_OF_EACH, memoryBytes }
  const measured = await withFolder('tenants', (folder) =>
    withContender(
      'quarry-tenants',
      { folder, ...sizes, queries },
      async (contender) => {
        log(
          `tenants: ${tenants} × ${CHUNKS_OF_EACH} chunks written in ${seconds(contender.openMs)} s`,
        )
        const cold = await contender.run('cold', 0, tenants)
        await contender.run('hot dense', 0, 100)
        const dense = await contender.run('hot dense', 0, HOT_QUERIES)
        const hybrid = await contender.run('hot hybrid', 0, HOT_QUERIES)
        return { cold, dense, hybrid, facts: contender.facts }
      },
      { cores: 'all' },
    ),
  )
  const { cold, dense, hybrid, facts } = required(measured)
  const { rssBefore = 0 } = facts
  const rss = Math.max(cold.rssBytes, dense.rssBytes, hybrid.rssBytes)
  return [
    atMost(`tenants/${tenants}/hot-dense-p50-ms`, percentile(dense.wallMs, 0.5), 0.3, {
      dense: summarize(dense),
      hybrid: summarize(hybrid),
    }),
    atMost(`tenants/${tenants}/cold-first-query-p95-ms`, percentile(cold.wallMs, 0.95), 50, {
      cold: summarize(cold),
    }),
    atMost(`tenants/${tenants}/memory-over-budget`, (rss - rssBefore) / budgetBytes, 1, {
      rss_bytes: rss,
      rss_bytes_before_the_engine: rssBefore,
      budget_bytes: budgetBytes,
      engine_memory_bytes: memoryBytes,
      writes_refused_and_tried_again: facts['refusals'],
    }),
  ]
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(0)
}
