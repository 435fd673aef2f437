import { openVectors, recallOf } from '../data/vectors.ts'
import { interleave } from '../measure/interleave.ts'
import { mean, summarize } from '../measure/lanes.ts'
import { PeerUnavailable } from '../peers/load-peer.ts'
import { atLeast, atMost, type Bound, notMeasured } from './bound.ts'
import { type BoundContext, required, withContender } from './context.ts'

const COUNTS = [1_000, 10_000, 100_000]
const K = 10
const CHECKED = 200

/** The exact scan against its bare kernels and against usearch's exact search over float32. */
export async function measureFlat({ log }: BoundContext): Promise<readonly Bound[]> {
  const bounds: Bound[] = []
  for (const count of COUNTS) {
    bounds.push(...(await measureAt(count)))
    log(`flat: ${count} done`)
  }
  return bounds
}

async function measureAt(count: number): Promise<readonly Bound[]> {
  const vectors = { kind: 'clustered', count, queries: 500 } as const
  const { truth } = await openVectors(vectors)
  const speedup = `flat/${count}/usearch-over-quarry`
  const rounds = count <= 10_000 ? 20 : 3
  // Some thousands of calls pass before code of microseconds is compiled for good.
  const warmUpRounds = count <= 10_000 ? 20 : 1
  const schedule = { queries: 500, parts: 5, rounds, grain: 'batch', warmUpRounds } as const
  const measured = await withContender('quarry-flat', { vectors, k: K }, async (own) => {
    const lanes = ['search', 'kernels', 'first-pass'].map((lane) => ({ process: own, lane }))
    const costs = (await interleave(lanes, schedule)).map(({ cpuMs }) => mean(cpuMs))
    const [search = Number.NaN, kernels = Number.NaN, firstPass = Number.NaN] = costs
    const recall = recallOf(truth, await own.answers('search', CHECKED), K)
    const peer = await withContender('usearch-exact', { vectors, k: K }, async (usearch) => {
      const both = [
        { process: own, lane: 'search' },
        { process: usearch, lane: 'exact' },
      ]
      const [ours, theirs] = await interleave(both, schedule)
      return atLeast(speedup, mean(theirs?.cpuMs ?? []) / mean(ours?.cpuMs ?? []), 2, {
        quarry: ours && summarize(ours),
        usearch: theirs && summarize(theirs),
      })
    })
    return [
      atMost(`flat/${count}/over-bare-kernels`, search / kernels, 1.3, {
        search_cpu_mean_ms: search,
        kernels_cpu_mean_ms: kernels,
        over_first_pass: search / firstPass,
      }),
      peer instanceof PeerUnavailable ? notMeasured(speedup, '>=', 2, peer.message) : peer,
      atLeast(`flat/${count}/recall@10`, recall, 1),
    ]
  })
  return required(measured)
}
