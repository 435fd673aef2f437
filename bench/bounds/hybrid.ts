import { lexicalTask } from '../data/lexical-task.ts'
import { percentile } from '../load.ts'
import { interleave } from '../measure/interleave.ts'
import { summarize } from '../measure/lanes.ts'
import { measureHttpOverhead } from '../retrieve.ts'
import { atMost, type Bound } from './bound.ts'
import { type BoundContext, required, withContender, withFolder } from './context.ts'

const COUNT = 100_000
const K = 100

/** Both legs and fusion against the legs alone; then what HTTP, authentication and the prompt add to retrieval. */
export async function measureHybrid({ log }: BoundContext): Promise<readonly Bound[]> {
  const { queries } = await lexicalTask(COUNT)
  const task = {
    vectors: { kind: 'clustered', count: COUNT, queries: 500 },
    algorithm: { kind: 'auto' },
    queries,
    k: K,
    memoryBytes: 4 * 2 ** 30,
    filterShares: [],
  } as const
  const lanes = ['dense', 'lexical', 'hybrid']
  const measured = await withFolder('hybrid', (folder) =>
    withContender('quarry-engine', { ...task, folder }, async (process) => {
      log(`hybrid: ${COUNT} chunks in ${(process.facts['buildSeconds'] ?? 0).toFixed(0)} s`)
      const entrants = lanes.map((lane) => ({ process, lane }))
      const costs = await interleave(entrants, { queries: 500, parts: 10, rounds: 3 })
      return { costs, facts: process.facts }
    }),
  )
  const { costs, facts } = required(measured)
  const [dense, lexical, hybrid] = costs
  const p99 = ({ cpuMs }: { readonly cpuMs: readonly number[] } = { cpuMs: [] }): number =>
    percentile(cpuMs, 0.99)
  const detail = {
    ...Object.fromEntries(costs.map((cost, i) => [lanes[i], summarize(cost)])),
    facts,
  }
  const overhead = await measureHttpOverhead(log)
  return [
    atMost('hybrid/p99-over-sum-of-legs', p99(hybrid) / (p99(dense) + p99(lexical)), 2, detail),
    atMost('hybrid/http-overhead-p50-ms', overhead.p50Ms, 1, overhead.detail),
  ]
}
