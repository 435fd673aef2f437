import { lexicalTask } from '../data/lexical-task.ts'
import { openVectors, recallOf } from '../data/vectors.ts'
import { percentile } from '../load.ts'
import { round, type Summary, summarize } from '../measure/lanes.ts'
import { atMost, type Bound } from './bound.ts'
import { type BoundContext, required, withContender, withFolder } from './context.ts'

const K = 100
const QUERIES = 200

/** The curve of time, memory and disk over the number of chunks; one million of them is for `--full`. */
export async function measureMillion({ log, full }: BoundContext): Promise<readonly Bound[]> {
  const counts = full ? [10_000, 100_000, 1_000_000] : [10_000, 100_000]
  const curve = []
  for (const count of counts) {
    const point = await measureAt(count)
    log(
      `million: ${count} chunks built in ${point.build_seconds} s, hybrid p99 ${point.hybrid.wall_p99_ms} ms`,
    )
    curve.push(point)
  }
  const last = curve.at(-1)
  const name = full ? 'million/hybrid-p99-ms' : `million/hybrid-p99-ms-at-${last?.chunks}`
  return [
    atMost(name, last?.hybrid.wall_p99_ms ?? Number.NaN, 25, { curve, table: tableOf(curve) }),
  ]
}

interface CurvePoint {
  readonly chunks: number
  readonly build_seconds: number
  readonly chunks_per_second: number
  readonly bytes_in_memory: number
  readonly rss_bytes: number
  readonly bytes_on_disk: number
  readonly recall_at_10: number
  readonly dense: Summary
  readonly lexical: Summary
  readonly hybrid: Summary
}

async function measureAt(count: number): Promise<CurvePoint> {
  const vectors = { kind: 'clustered', count, queries: QUERIES } as const
  const { truth } = await openVectors(vectors)
  const { queries } = await lexicalTask(count)
  const task = {
    vectors,
    algorithm: { kind: 'auto' },
    queries,
    k: K,
    memoryBytes: 12 * 2 ** 30,
    filterShares: [],
  } as const
  const measured = await withFolder('million', (folder) =>
    withContender(
      'quarry-engine',
      { ...task, folder },
      async (contender) => {
        const { facts } = contender
        const summaries = []
        for (const lane of ['dense', 'lexical', 'hybrid']) {
          await contender.run(lane, 0, QUERIES)
          summaries.push(await contender.run(lane, 0, 5 * QUERIES))
        }
        const answers = await contender.answers('dense', QUERIES)
        return { facts, summaries, recall: recallOf(truth, answers, 10) }
      },
      { cores: 'all' },
    ),
  )
  const { facts, summaries, recall } = required(measured)
  const [dense, lexical, hybrid] = summaries.map(summarize) as [Summary, Summary, Summary]
  return {
    chunks: count,
    build_seconds: round(facts['buildSeconds'] ?? Number.NaN),
    chunks_per_second: Math.round(facts['chunksPerSecond'] ?? Number.NaN),
    bytes_in_memory: facts['bytes'] ?? Number.NaN,
    rss_bytes: percentile(
      summaries.map(({ rssBytes }) => rssBytes),
      1,
    ),
    bytes_on_disk: facts['bytesOnDisk'] ?? Number.NaN,
    recall_at_10: round(recall),
    dense,
    lexical,
    hybrid,
  }
}

/** For docs/PERFORMANCE.md. */
function tableOf(curve: readonly CurvePoint[]): string {
  const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0)
  const rows = curve.map(
    (point) =>
      `| ${point.chunks.toLocaleString('en')} | ${point.build_seconds} | ${point.chunks_per_second} | ${point.dense.wall_p50_ms} / ${point.dense.wall_p99_ms} | ${point.lexical.wall_p50_ms} / ${point.lexical.wall_p99_ms} | ${point.hybrid.wall_p50_ms} / ${point.hybrid.wall_p99_ms} | ${point.recall_at_10} | ${mebibytes(point.bytes_in_memory)} | ${mebibytes(point.bytes_on_disk)} |`,
  )
  return [
    '| chunks | built and merged, s | written, chunks/s | dense p50 / p99, ms | bm25 p50 / p99, ms | hybrid p50 / p99, ms | recall@10 | memory, MiB | disk, MiB |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}
