import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type QuarryProcess, startQuarry } from '../test/support/quarry-process.ts'
import { measureBareHttp } from './bare-http.ts'
import { type Corpus, readCorpus } from './corpus.ts'
import { closedLoop, type LoadResult, percentile } from './load.ts'

/** Built as the benchmarks are: what users run. */
const ENTRY = fileURLToPath(new URL('../bin/quarry.js', import.meta.url))
const PASSAGES = 20_000
const OVERHEAD_PASSAGES = 5_000
/** Of 200 requests each, over half a minute and more: how busy the machine is elsewhere changes within seconds. */
const OVERHEAD_ROUNDS = 80
const WARM_UP = 200
/** A service has answered thousands before the one that is looked at, and compiled for good what answers them. */
const OVERHEAD_WARM_UP = 8_000
const OVERHEAD_QUESTIONS = 24_000
/** Without the reranker, whose time is its own. */
const FUSED = { rerank: null }

/** `/retrieve` over HTTP as a backend calls it, with key, prompt and all stages on, on 20,000 passages. */
export async function benchRetrieve(log: (line: string) => void): Promise<object> {
  const size = { passages: PASSAGES, questions: undefined }
  return withServer(size, log, async ({ server, headers, corpus, ingestSeconds }) => {
    const runs = []
    for (const [mode, connections] of [
      ['hybrid', 1],
      ['hybrid', 8],
      ['lexical', 1],
      ['dense', 1],
    ] as const)
      runs.push(
        reportOf(mode, connections, await load(server, headers, corpus, mode, connections), log),
      )
    return {
      corpus: corpus.name,
      passages: corpus.passages.length,
      ingest: {
        seconds: round(ingestSeconds),
        documents_per_second: round(PASSAGES / ingestSeconds),
      },
      runs,
    }
  })
}

/**
 * What HTTP, the key and the prompt add to both legs and fusion: the caller's whole time without the stages before. The
 * median of the calmest of some rounds, since whatever else runs on the machine only adds to it.
 */
export async function measureHttpOverhead(
  log: (line: string) => void,
): Promise<{ readonly p50Ms: number; readonly detail: Readonly<Record<string, unknown>> }> {
  const size = { passages: OVERHEAD_PASSAGES, questions: OVERHEAD_QUESTIONS }
  return withServer(size, log, async ({ server, headers, corpus }) => {
    const options = { also: FUSED, warmUp: OVERHEAD_WARM_UP }
    const { samples, ...result } = await load(server, headers, corpus, 'hybrid', 1, options)
    const overheads = samples.map(
      ({ ms, timingsMs: { total = 0, assemble = 0 } }) => ms - total + assemble,
    )
    const medians = Array.from({ length: OVERHEAD_ROUNDS }, (_, round) => {
      const from = Math.floor((overheads.length * round) / OVERHEAD_ROUNDS)
      const to = Math.floor((overheads.length * (round + 1)) / OVERHEAD_ROUNDS)
      return percentile(overheads.slice(from, to), 0.5)
    })
    const calmest = Math.min(...medians)
    const whole = samples.map(({ ms }) => ms)
    const inside = samples.map(({ timingsMs: { total = 0 } }) => total)
    const chars = samples.map((sample) => sample.chars)
    const bareMs = await measureBareHttp(percentile(chars, 0.5), percentile(inside, 0.5))
    const http = samples.map(({ ms, timingsMs: { total = 0 } }) => ms - total)
    const detail = {
      corpus: corpus.name,
      passages: corpus.passages.length,
      rounds_p50_ms: {
        calmest: round(calmest),
        middle: round(percentile(medians, 0.5)),
        busiest: round(Math.max(...medians)),
      },
      overhead_p99_ms: round(percentile(overheads, 0.99)),
      http_and_key_p50_ms: round(percentile(http, 0.5)),
      bare_http_p50_ms: round(bareMs),
      whole_p50_ms: round(percentile(whole, 0.5)),
      share_of_time: sharesOf({ samples, ...result }),
    }
    return { p50Ms: calmest, detail }
  })
}

interface Filled {
  readonly server: QuarryProcess
  readonly headers: Readonly<Record<string, string>>
  readonly corpus: Corpus
  readonly ingestSeconds: number
}

async function withServer<T>(
  { passages, questions }: { readonly passages: number; readonly questions: number | undefined },
  log: (line: string) => void,
  use: (filled: Filled) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'quarry-bench-'))
  const corpus = await readCorpus('squad-train', passages, questions)
  const server = await startQuarry({
    command: 'serve',
    entry: ENTRY,
    env: { QUARRY_DATA_DIR: folder, QUARRY_LOG_LEVEL: 'error' },
  })
  try {
    const headers = { authorization: `Bearer ${server.firstKey ?? ''}`, 'x-tenant-id': 'bench' }
    const ingestSeconds = await fill(server, headers, corpus, log)
    return await use({ server, headers, corpus, ingestSeconds })
  } finally {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function fill(
  server: QuarryProcess,
  headers: Readonly<Record<string, string>>,
  corpus: Corpus,
  log: (line: string) => void,
): Promise<number> {
  const call = async (method: string, path: string, body?: object) => {
    const response = await fetch(new URL(path, server.url), {
      method,
      headers: { ...headers, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (!response.ok)
      throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as { documents: unknown[]; version?: string }
  }
  const startedMs = performance.now()
  await call('PUT', '/v1/collections/bench', {})
  for (let start = 0; start < corpus.passages.length; start += 250) {
    const documents = corpus.passages
      .slice(start, start + 250)
      .map((passage) => ({ ...passage, media_type: 'text/plain' }))
    await call('POST', '/v1/collections/bench/documents:batch', { documents })
  }
  for (;;) {
    const { documents } = await call('GET', '/v1/collections/bench/documents?state=queued&limit=1')
    if (documents.length === 0) break
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  const seconds = (performance.now() - startedMs) / 1000
  log(`ingested ${corpus.passages.length} passages (${corpus.name}) in ${seconds.toFixed(1)} s`)
  return seconds
}

type Mode = 'hybrid' | 'lexical' | 'dense'

async function load(
  server: QuarryProcess,
  headers: Readonly<Record<string, string>>,
  corpus: Corpus,
  mode: Mode,
  connections: number,
  { also = {}, warmUp = WARM_UP }: { readonly also?: object; readonly warmUp?: number } = {},
): Promise<LoadResult> {
  const bodies = corpus.questions.map((query) =>
    JSON.stringify({
      collection: 'bench',
      query,
      mode,
      budget_ms: 5_000,
      prompt: { format: 'openai', max_tokens: 2_000 },
      ...also,
    }),
  )
  const url = new URL('/retrieve', server.url)
  await closedLoop(url, headers, bodies.slice(0, warmUp), connections)
  return closedLoop(url, headers, bodies.slice(warmUp), connections)
}

function reportOf(
  mode: Mode,
  connections: number,
  result: LoadResult,
  log: (line: string) => void,
): object {
  const times = result.samples.map(({ ms }) => ms)
  const report = {
    mode,
    connections,
    requests: times.length,
    failures: result.failures,
    requests_per_second: round(times.length / result.seconds),
    p50_ms: round(percentile(times, 0.5)),
    p99_ms: round(percentile(times, 0.99)),
    share_of_time: sharesOf(result),
  }
  log(
    `${mode} × ${connections}: p50 ${report.p50_ms} ms, p99 ${report.p99_ms} ms, ${report.requests_per_second}/s`,
  )
  return report
}

/** What part of the callers' whole waiting each stage took; `http` is what is not inside the service's own total. */
function sharesOf({ samples }: LoadResult): Record<string, number> {
  const sums: Record<string, number> = {}
  let waited = 0
  for (const { ms, timingsMs } of samples) {
    waited += ms
    const { total = 0, ...stages } = timingsMs
    for (const [stage, spent] of Object.entries(stages)) sums[stage] = (sums[stage] ?? 0) + spent
    sums['http'] = (sums['http'] ?? 0) + ms - total
  }
  return Object.fromEntries(
    Object.entries(sums).map(([stage, sum]) => [stage, round(sum / waited)]),
  )
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000
}
