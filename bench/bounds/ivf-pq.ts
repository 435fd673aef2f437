import { hasRealVectors, openVectors, recallOf, type VectorSource } from '../data/vectors.ts'
import type { ContenderProcess } from '../measure/contender-process.ts'
import { interleave } from '../measure/interleave.ts'
import { mean, summarize } from '../measure/lanes.ts'
import { PeerUnavailable } from '../peers/load-peer.ts'
import { atLeast, atMost, type Bound, notMeasured } from './bound.ts'
import { type BoundContext, required, withContender } from './context.ts'

const K = 10
const RECALL = 0.95
/** From the quickest on; the first that reaches the recall is the one that is measured. */
const LANCE_PROBES = [
  { probes: 8, refine: 2 },
  { probes: 8, refine: 4 },
  { probes: 16, refine: 4 },
  { probes: 16, refine: 10 },
  { probes: 32, refine: 10 },
  { probes: 64, refine: 10 },
  { probes: 64, refine: 20 },
  { probes: 128, refine: 10 },
  { probes: 128, refine: 20 },
]

/** Recall, memory and time of lists and codes, on generated and on real vectors, against LanceDB's. */
export async function measureIvfPq({ log }: BoundContext): Promise<readonly Bound[]> {
  const clustered = { kind: 'clustered', count: 100_000, queries: 500 } as const
  const bounds = [...(await measureOn(clustered, '100k', 500))]
  log('ivf-pq: generated vectors done')
  if (await hasRealVectors()) bounds.push(...(await measureOn({ kind: 'real' }, 'real', 200)))
  else
    bounds.push(notMeasured('ivf-pq/real/recall@10', '>=', RECALL, 'the real vectors are absent'))
  return bounds
}

async function measureOn(
  vectors: VectorSource,
  name: string,
  queries: number,
): Promise<readonly Bound[]> {
  const set = await openVectors(vectors)
  const floatBytes = set.base.byteLength
  const ratio = `ivf-pq/${name}/over-lance`
  const measured = await withContender('quarry-ivf-pq', { vectors, k: K }, async (own) => {
    const recall = recallOf(set.truth, await own.answers('search', queries), K)
    const task = { vectors, k: K, probes: LANCE_PROBES }
    const overLance = await withContender('lance-ivf-pq', task, async (lance) => {
      const theirs = await leastProbes(lance, set.truth, queries, RECALL)
      const both = [
        { process: own, lane: 'search' },
        { process: lance, lane: theirs.lane },
      ]
      const costs = await interleave(both, { queries, parts: 5, rounds: 2, grain: 'batch' })
      const [ownMs = Number.NaN, lanceMs = Number.NaN] = costs.map(({ cpuMs }) => mean(cpuMs))
      // A ratio at less recall than the peer's would be none.
      const value = recall < theirs.recall ? Number.POSITIVE_INFINITY : ownMs / lanceMs
      return atMost(ratio, value, 1 / 5, {
        quarry_recall: recall,
        lance: theirs,
        quarry_and_lance: costs.map(summarize),
      })
    })
    return [
      atLeast(`ivf-pq/${name}/recall@10`, recall, RECALL, own.facts),
      atMost(
        `ivf-pq/${name}/memory-over-float32`,
        (own.facts['residentBytes'] ?? Number.NaN) / floatBytes,
        1 / 3,
      ),
      overLance instanceof PeerUnavailable
        ? notMeasured(ratio, '<=', 1 / 5, overLance.message)
        : overLance,
    ]
  })
  return required(measured)
}

async function leastProbes(
  contender: ContenderProcess,
  truth: Int32Array,
  queries: number,
  wanted: number,
): Promise<{ lane: string; recall: number }> {
  let best = { lane: '', recall: 0 }
  for (const lane of contender.lanes) {
    best = { lane, recall: recallOf(truth, await contender.answers(lane, queries), K) }
    if (best.recall >= wanted) break
  }
  return best
}
