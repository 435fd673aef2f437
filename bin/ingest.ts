import { QuarryError } from '../src/core/errors.ts'
import type { Client } from './client.ts'
import { createJobs, type Jobs } from './jobs.ts'
import { ProgressLine } from './terminal.ts'
import { untilSettled } from './unsettled.ts'
import type { BatchAnswer, DocumentOnWire, Failure, Item } from './wire.ts'

/** Documents and characters of one request, well below what the service takes. */
const BATCH_DOCUMENTS = 64
const BATCH_CHARS = 4 * 1024 * 1024
/** Documents accepted and not yet indexed, so that a huge corpus does not pile up in the queue. */
const WAITING_MAX = 2_000

export interface IngestSummary {
  /** What the service took. */
  readonly documents: number
  readonly created: number
  readonly updated: number
  readonly unchanged: number
  readonly indexed: number
  readonly failed: readonly Failure[]
  readonly seconds: number
  /** Stopped by a signal before its end; the same command again goes on from there. */
  readonly interrupted: boolean
  /** Of the last write: a retrieval with it as `min_version` sees all that was indexed here. Null when nothing changed. */
  readonly version: string | null
}

export interface IngestOptions {
  readonly collection: string
  readonly wait: boolean
  readonly quiet: boolean
  readonly signal: AbortSignal
  /** How much of the source has been read, from 0 to 1; null where nobody knows. */
  readonly share?: (() => number | null) | undefined
}

type Outcomes = Record<'created' | 'updated' | 'unchanged', number>

interface Run {
  readonly client: Client
  readonly options: IngestOptions
  readonly jobs: Jobs
  readonly failed: Failure[]
  readonly outcomes: Outcomes
  readonly unchanged: Set<string>
  readonly draw: () => void
  version: string | null
}

/** Sends documents in batches, follows their jobs, and says what became of each. */
export async function ingest(
  client: Client,
  items: AsyncIterable<Item>,
  options: IngestOptions,
): Promise<IngestSummary> {
  const progress = new ProgressLine()
  const failed: Failure[] = []
  const outcomes: Outcomes = { created: 0, updated: 0, unchanged: 0 }
  const sent = (): number => outcomes.created + outcomes.updated + outcomes.unchanged
  const jobs = createJobs(client, options.signal, failed)
  const draw = (): void => {
    if (options.quiet) return
    const done = options.wait ? sent() - jobs.waiting() : sent()
    const read = options.share?.() ?? null
    const share = read === null ? null : read * (sent() === 0 ? 0 : done / sent())
    const note = failed.length === 0 ? '' : `${failed.length} failed`
    progress.draw({ done, share, note })
  }
  const state: Run = {
    client,
    options,
    jobs,
    failed,
    outcomes,
    unchanged: new Set<string>(),
    draw,
    version: null,
  }
  let interrupted = false
  try {
    await run(state, items)
  } catch (error) {
    if (!options.signal.aborted) throw error
    interrupted = true
  } finally {
    progress.clear()
  }
  const { seconds } = progress
  return {
    documents: sent(),
    ...outcomes,
    indexed: jobs.indexed(),
    failed,
    seconds,
    interrupted,
    version: state.version,
  }
}

async function run(state: Run, items: AsyncIterable<Item>): Promise<void> {
  const { options, jobs, draw } = state
  for await (const batch of batches(items, state.failed)) {
    options.signal.throwIfAborted()
    await send(state, batch)
    draw()
    while (jobs.waiting() > WAITING_MAX) {
      await jobs.poll()
      draw()
    }
  }
  if (!options.wait) return
  while (jobs.waiting() > 0) {
    await jobs.poll()
    draw()
  }
  await untilSettled(state.client, options.collection, state.unchanged, options.signal)
}

/** A batch that the service refuses is halved until the documents that are to blame stand alone. */
async function send(run: Run, documents: readonly DocumentOnWire[]): Promise<void> {
  const path = `/v1/collections/${encodeURIComponent(run.options.collection)}/documents:batch`
  const { signal } = run.options
  try {
    count(run, await run.client.call<BatchAnswer>('POST', path, { documents }, { signal }))
  } catch (error) {
    if (!isAboutDocuments(error)) throw error
    const [first, second] = documents
    if (first !== undefined && second === undefined) {
      run.failed.push({ document: first.id, reason: error.message })
      return
    }
    const half = Math.ceil(documents.length / 2)
    await send(run, documents.slice(0, half))
    await send(run, documents.slice(half))
  }
}

function count(run: Run, answer: BatchAnswer): void {
  const { jobs, outcomes, unchanged } = run
  for (const { id, outcome } of answer.documents) {
    if (outcome in outcomes) outcomes[outcome as keyof Outcomes] += 1
    if (outcome === 'unchanged') unchanged.add(id)
  }
  const queued = answer.documents.filter(({ outcome }) => outcome !== 'unchanged')
  run.version = queued.at(-1)?.version ?? run.version
  if (answer.job_id !== null) jobs.add(answer.job_id, queued.length)
}

function isAboutDocuments(error: unknown): error is QuarryError {
  if (!(error instanceof QuarryError)) return false
  return ['invalid_request', 'payload_too_large', 'unsupported'].includes(error.code)
}

/** Of two documents with one id the first is taken: which of them was meant is nothing to guess at. */
async function* batches(
  items: AsyncIterable<Item>,
  failed: Failure[],
): AsyncGenerator<DocumentOnWire[]> {
  const seen = new Set<string>()
  let batch: DocumentOnWire[] = []
  let chars = 0
  for await (const item of items) {
    if ('failure' in item) {
      failed.push(item.failure)
      continue
    }
    const { document } = item
    if (seen.has(document.id)) {
      failed.push({ document: document.id, reason: 'another document before it has the same id' })
      continue
    }
    seen.add(document.id)
    const size = (document.text?.length ?? 0) + (document.content_base64?.length ?? 0)
    if (batch.length > 0 && (batch.length >= BATCH_DOCUMENTS || chars + size > BATCH_CHARS)) {
      yield batch
      batch = []
      chars = 0
    }
    batch.push(document)
    chars += size
  }
  if (batch.length > 0) yield batch
}
