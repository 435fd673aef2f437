import { openVectors, recallOf } from '../data/vectors.ts'
import type { ContenderProcess } from '../measure/contender-process.ts'
import { interleave } from '../measure/interleave.ts'
import { mean, summarize } from '../measure/lanes.ts'
import { PeerUnavailable } from '../peers/load-peer.ts'
import { atLeast, atMost, type Bound, notMeasured } from './bound.ts'
import { type BoundContext, required, withContender } from './context.ts'

const K = 10
const QUERIES = 500
const RECALL = 0.99
const GRAPH = { m: 16, efConstruction: 200, efSearch: [64, 96, 128, 192, 256, 384] }

/** Our graphs, at the least breadth that reaches the recall, against hnswlib called bare at its own least breadth. */
export async function measureHnsw({ log }: BoundContext): Promise<readonly Bound[]> {
  const vectors = { kind: 'clustered', count: 100_000, queries: QUERIES } as const
  const { truth } = await openVectors(vectors)
  const task = { vectors, k: K, ...GRAPH, quantization: 'none' } as const
  const bare = await withContender('hnswlib-bare', task, async (hnswlib) => {
    const theirs = await leastBreadth(hnswlib, truth)
    const bounds: Bound[] = []
    for (const quantization of ['none', 'int8'] as const) {
      const name = quantization === 'none' ? 'hnsw' : 'hnsw-int8'
      const own = await withContender('quarry-hnsw', { ...task, quantization }, async (quarry) => {
        const ours = await leastBreadth(quarry, truth)
        const both = [
          { process: quarry, lane: ours.lane },
          { process: hnswlib, lane: theirs.lane },
        ]
        const costs = await interleave(both, {
          queries: QUERIES,
          parts: 10,
          rounds: 3,
          grain: 'batch',
        })
        const [quarryMs = Number.NaN, bareMs = Number.NaN] = costs.map(({ cpuMs }) => mean(cpuMs))
        return [
          atLeast(`${name}/recall@10`, ours.recall, RECALL, { ef_search: ours.lane }),
          atMost(`${name}/over-bare-hnswlib`, quarryMs / bareMs, 1.2, {
            bare: { ef_search: theirs.lane, recall: theirs.recall },
            quarry_and_bare: costs.map(summarize),
            facts: quarry.facts,
          }),
        ]
      })
      log(`${name}: done`)
      bounds.push(...required(own))
    }
    return bounds
  })
  return bare instanceof PeerUnavailable
    ? [notMeasured('hnsw/over-bare-hnswlib', '<=', 1.2, bare.message)]
    : bare
}

/** The first lane that reaches the recall, or the last one. */
async function leastBreadth(
  contender: ContenderProcess,
  truth: Int32Array,
): Promise<{ lane: string; recall: number }> {
  let best = { lane: '', recall: 0 }
  for (const lane of contender.lanes) {
    best = { lane, recall: recallOf(truth, await contender.answers(lane, QUERIES), K) }
    if (best.recall >= RECALL) break
  }
  return best
}
