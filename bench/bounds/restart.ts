import { lexicalTask } from '../data/lexical-task.ts'
import { percentile } from '../load.ts'
import { summarize } from '../measure/lanes.ts'
import { atLeast, atMost, type Bound } from './bound.ts'
import { type BoundContext, required, withContender, withFolder } from './context.ts'

const COUNT = 100_000
const QUERIES = 1_000
/** Enough for several deltas to be sealed and segments merged beside them. */
const BUSY_QUERIES = 20_000

/** Writes 100,000 chunks, kills the process, starts another on its folder, and searches that at rest and under writes. */
export async function measureRestart({ log }: BoundContext): Promise<readonly Bound[]> {
  const { queries } = await lexicalTask(COUNT)
  const task = {
    vectors: { kind: 'clustered', count: COUNT, queries: 500 },
    queries,
    k: 100,
    memoryBytes: 4 * 2 ** 30,
  } as const
  return withFolder('restart', async (folder) => {
    const first = await withContender(
      'quarry-engine',
      { ...task, folder, algorithm: { kind: 'auto' }, filterShares: [] },
      async ({ facts }) => facts,
      { cores: 'all' },
    )
    const written = required(first)
    const { chunksPerSecond = 0 } = written
    log(`restart: ingested at ${chunksPerSecond.toFixed(0)} chunks/s`)
    const second = await withContender(
      'quarry-restart',
      { ...task, folder },
      async (contender) => {
        await contender.run('idle', 0, 100)
        const idle = await contender.run('idle', 0, QUERIES)
        const busy = await contender.run('busy', 0, BUSY_QUERIES)
        const [stopped] = await contender.answers('stop', 1)
        const [writtenMeanwhile = 0, lateMs = Number.NaN] = stopped ?? []
        return { idle, busy, writtenMeanwhile, lateMs, facts: contender.facts }
      },
      { cores: 'all' },
    )
    const { idle, busy, writtenMeanwhile, lateMs, facts } = required(second)
    const ratio = percentile(busy.wallMs, 0.99) / percentile(idle.wallMs, 0.99)
    return [
      atMost('restart/ready-seconds', facts['readySeconds'] ?? Number.NaN, 2, facts),
      atLeast('restart/ingest-chunks-per-second', chunksPerSecond, 5_000, written),
      atMost('restart/retrieve-p99-during-ingest-over-idle', ratio, 3, {
        idle: summarize(idle),
        busy: summarize(busy),
        chunks_written_meanwhile: writtenMeanwhile,
      }),
      atMost('restart/event-loop-late-p99-ms-during-ingest', lateMs, 10, {
        chunks_written_meanwhile: writtenMeanwhile,
      }),
    ]
  })
}
