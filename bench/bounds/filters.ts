import type { IndexAlgorithm } from '../../src/core/vector-store.ts'
import { isInShare } from '../data/chunks.ts'
import { lexicalTask } from '../data/lexical-task.ts'
import { nearestAmong, openVectors, type VectorSet } from '../data/vectors.ts'
import { percentile } from '../load.ts'
import type { ContenderProcess } from '../measure/contender-process.ts'
import { interleave } from '../measure/interleave.ts'
import { type Costs, summarize } from '../measure/lanes.ts'
import { atLeast, atMost, type Bound } from './bound.ts'
import { type BoundContext, required, withContender, withFolder } from './context.ts'

const COUNT = 100_000
const SHARES = [0.001, 0.01, 0.1, 0.5]
const QUERIES = 200
const K = 10

const ALGORITHMS: readonly IndexAlgorithm[] = [
  { kind: 'flat' },
  { kind: 'hnsw', m: 16, efConstruction: 200, efSearch: 192 },
  { kind: 'auto' },
]

/** Recall and cost of both legs behind filters of four shares, for each way of searching vectors. */
export async function measureFilters({ log }: BoundContext): Promise<readonly Bound[]> {
  const vectors = { kind: 'clustered', count: COUNT, queries: 500 } as const
  const set = await openVectors(vectors)
  const { queries } = await lexicalTask(COUNT)
  const bounds: Bound[] = []
  for (const algorithm of ALGORITHMS) {
    const measured = await withFolder('filters', (folder) =>
      withContender(
        'quarry-engine',
        {
          folder,
          vectors,
          algorithm,
          queries,
          k: K,
          memoryBytes: 4 * 2 ** 30,
          filterShares: SHARES,
        },
        async (contender) => {
          log(`filters: ${algorithm.kind} ${JSON.stringify(contender.facts)}`)
          return [
            ...(await boundsOf(contender, 'dense', algorithm.kind)),
            ...(algorithm.kind === 'auto' ? await boundsOf(contender, 'lexical', 'bm25') : []),
            ...(await recallOfAll(contender, set, algorithm.kind)),
          ]
        },
      ),
    )
    bounds.push(...required(measured))
  }
  return bounds
}

async function boundsOf(process: ContenderProcess, leg: string, kind: string): Promise<Bound[]> {
  const lanes = [leg, ...SHARES.map((share) => `${leg} ${share}`)]
  const entrants = lanes.map((lane) => ({ process, lane }))
  const [whole, ...filtered] = await interleave(entrants, {
    queries: QUERIES,
    parts: 5,
    rounds: 5,
    warmUpRounds: 3,
  })
  return filtered.map((costs, i) =>
    atMost(`filters/${kind}/${SHARES[i]}/p99-over-unfiltered`, p99(costs) / p99(whole), 3, {
      unfiltered: whole && summarize(whole),
      filtered: summarize(costs),
    }),
  )
}

async function recallOfAll(
  contender: ContenderProcess,
  set: VectorSet,
  kind: string,
): Promise<Bound[]> {
  const bounds: Bound[] = []
  for (const share of SHARES) {
    const answers = await contender.answers(`dense ${share}`, QUERIES)
    let found = 0
    let wanted = 0
    for (const [query, rows] of answers.entries()) {
      const vector = set.queries[query] as Float32Array
      const exact = new Set(nearestAmong(set, vector, (row) => isInShare(row, share), K))
      wanted += exact.size
      found += rows.filter((row) => exact.has(row)).length
    }
    bounds.push(atLeast(`filters/${kind}/${share}/recall@10`, found / wanted, 0.99))
  }
  return bounds
}

function p99(costs: Costs | undefined): number {
  return percentile(costs?.cpuMs ?? [], 0.99)
}
