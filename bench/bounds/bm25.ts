import { join } from 'node:path'
import type { Tasks } from '../contenders/contenders.ts'
import { searchOver } from '../contenders/quarry-postings.ts'
import { ndcg, readBeir } from '../data/beir.ts'
import { exactBm25 } from '../data/bm25-oracle.ts'
import { exists } from '../data/cache.ts'
import { chunkOfRow } from '../data/chunks.ts'
import { DATASETS } from '../data/datasets.ts'
import { type LexicalTask, lexicalTask } from '../data/lexical-task.ts'
import { CorpusUnavailable } from '../data/passages.ts'
import { percentile } from '../load.ts'
import type { ContenderProcess } from '../measure/contender-process.ts'
import { interleave } from '../measure/interleave.ts'
import { type Costs, mean, summarize } from '../measure/lanes.ts'
import { PeerUnavailable } from '../peers/load-peer.ts'
import { atLeast, atMost, type Bound, notMeasured } from './bound.ts'
import { type BoundContext, required, withContender } from './context.ts'

const SMALL = 200_000
const LARGE = 1_000_000
const K = 100
const CHECKED = 20
const SCIFACT_NDCG = 0.679

interface Peer {
  readonly name: Extract<
    keyof Tasks,
    'sqlite-full-text' | 'lance-full-text' | 'mini-search' | 'orama'
  >
  /** Passages that it loads in the memory and the minutes of such a benchmark. */
  readonly countMax: number
  /** Fewer for the slow ones, so that the whole ends in minutes. */
  readonly queries: number
  readonly rounds: number
}

const PEERS: readonly Peer[] = [
  { name: 'sqlite-full-text', countMax: LARGE, queries: 400, rounds: 1 },
  { name: 'lance-full-text', countMax: LARGE, queries: 400, rounds: 3 },
  { name: 'mini-search', countMax: SMALL, queries: 150, rounds: 1 },
  { name: 'orama', countMax: SMALL, queries: 150, rounds: 1 },
]

/** Our postings against four full-text engines over the same terms of the same passages, then their quality. */
export async function measureBm25(context: BoundContext): Promise<readonly Bound[]> {
  const counts = context.full ? [SMALL, LARGE] : [SMALL]
  const bounds: Bound[] = []
  for (const count of counts) bounds.push(...(await measureAt(count, context)))
  return [...bounds, await measureQuality()]
}

async function measureAt(count: number, { log }: BoundContext): Promise<Bound[]> {
  const size = `${count / 1_000}k`
  let task: LexicalTask
  try {
    task = await lexicalTask(count)
  } catch (error) {
    if (!(error instanceof CorpusUnavailable)) throw error
    return [notMeasured(`bm25/${size}/p99-ms`, '<=', 10, error.message)]
  }
  const measured = await withContender('quarry-postings', task, async (own) => {
    const { buildSeconds = 0, residentBytes = 0 } = own.facts
    log(`bm25: ${size} passages in ${buildSeconds.toFixed(0)} s, ${residentBytes} bytes`)
    const ratios: Bound[] = []
    for (const peer of PEERS.filter(({ countMax }) => countMax >= count)) {
      ratios.push(await ratioTo(peer, own, task, size))
      log(`bm25: ${peer.name} at ${size} done`)
    }
    const [costs] = await interleave([{ process: own, lane: 'search' }], {
      queries: task.queries.length,
      parts: 10,
      rounds: 3,
    })
    return [...ratios, ...absolute(costs, size), await exactness(own, task, size)]
  })
  return required(measured)
}

async function ratioTo(
  { name, queries, rounds }: Peer,
  own: ContenderProcess,
  task: LexicalTask,
  size: string,
): Promise<Bound> {
  const bound = `bm25/${size}/p99-over-${name}`
  const measured = await withContender(name, task, async (peer) => {
    const entrants = [own, peer].map((process) => ({ process, lane: 'search' }))
    const [ours, theirs] = await interleave(entrants, { queries, parts: 5, rounds, warmUp: 30 })
    return atMost(bound, p99(ours) / p99(theirs), 1 / 5, {
      quarry: ours && summarize(ours),
      [name]: theirs && summarize(theirs),
      [`${name}_opened_in_ms`]: Math.round(peer.openMs),
      [`${name}_rss_bytes`]: peer.rssBytes,
    })
  })
  return measured instanceof PeerUnavailable
    ? notMeasured(bound, '<=', 1 / 5, measured.message)
    : measured
}

/** The bound is for a million passages; at fewer it is told without being one that the issue names. */
function absolute(costs: Costs | undefined, size: string): Bound[] {
  return [
    atMost(`bm25/${size}/p99-ms`, percentile(costs?.wallMs ?? [], 0.99), 10, {
      quarry: costs && summarize(costs),
    }),
  ]
}

async function exactness(own: ContenderProcess, task: LexicalTask, size: string): Promise<Bound> {
  const step = Math.floor(task.queries.length / CHECKED)
  const answers = await own.answers('search', task.queries.length)
  const chosen = Array.from({ length: CHECKED }, (_, i) => i * step)
  const texts = chosen.map((query) => task.queries[query] ?? '')
  const exact = await exactBm25(task.count, texts, K)
  const shares = chosen.map((query, i) => {
    const rows = new Set(answers[query])
    const best = exact[i] ?? []
    return best.length === 0 ? 1 : best.filter((row) => rows.has(row)).length / best.length
  })
  return atLeast(`bm25/${size}/recall@100-of-exact`, mean(shares), 0.9999)
}

async function measureQuality(): Promise<Bound> {
  const name = 'bm25/scifact-ndcg@10'
  if (!(await exists(join(DATASETS, 'scifact', 'corpus.jsonl'))))
    return notMeasured(name, '>=', SCIFACT_NDCG, `no scifact in ${DATASETS}`)
  const { documents, queries } = await readBeir('scifact')
  const chunks = documents.map(({ title, text }, row) => ({
    ...chunkOfRow(row, text, new Float32Array()),
    context: title,
  }))
  const search = await searchOver(chunks, 10)
  const values: number[] = []
  for (const { text, gains } of queries) {
    const rows = await search(text)
    values.push(
      ndcg(
        rows.map((row) => documents[row]?.id ?? ''),
        gains,
        10,
      ),
    )
  }
  // The figure it has to reach is published with three digits.
  const rounded = Math.round(mean(values) * 1_000) / 1_000
  return atLeast(name, rounded, SCIFACT_NDCG, { queries: queries.length, exactly: mean(values) })
}

function p99(costs: Costs | undefined): number {
  return percentile(costs?.cpuMs ?? [], 0.99)
}
