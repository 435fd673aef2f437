import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from './client.ts'
import { ProgressLine } from './terminal.ts'
import type { BatchAnswer, DocumentOnWire, JobAnswer } from './wire.ts'

/** Documents and bytes of one request, well below what the service takes. */
const BATCH_DOCUMENTS = 64
const BATCH_BYTES = 4 * 1024 * 1024
/** Documents accepted and not yet indexed, so that a huge corpus does not pile up in the queue. */
const WAITING_MAX = 2_000
const POLL_MS = 100

export interface IngestSummary {
  readonly documents: number
  readonly created: number
  readonly updated: number
  readonly unchanged: number
  readonly indexed: number
  readonly failed: readonly { readonly document: string; readonly reason: string }[]
  readonly seconds: number
}

export interface IngestOptions {
  readonly collection: string
  readonly wait: boolean
  readonly quiet: boolean
  readonly signal: AbortSignal
}

/** Sends documents in batches, follows their jobs, and says what became of each. */
export async function ingest(
  client: Client,
  documents: AsyncIterable<DocumentOnWire>,
  options: IngestOptions,
): Promise<IngestSummary> {
  const run = new Run(client, options)
  for await (const batch of batches(documents)) {
    await run.send(batch)
    while (run.waiting > WAITING_MAX) await run.poll()
  }
  while (options.wait && run.waiting > 0) await run.poll()
  return run.finish()
}

class Run {
  readonly #client: Client
  readonly #options: IngestOptions
  readonly #progress = new ProgressLine('documents')
  readonly #open = new Map<string, JobAnswer['counts']>()
  readonly #failed: { document: string; reason: string }[] = []
  readonly #outcomes: Record<Counted, number> = { created: 0, updated: 0, unchanged: 0 }
  #sent = 0
  #indexed = 0

  constructor(client: Client, options: IngestOptions) {
    this.#client = client
    this.#options = options
  }

  get waiting(): number {
    let waiting = 0
    for (const counts of this.#open.values()) waiting += counts.waiting
    return waiting
  }

  async send(documents: readonly DocumentOnWire[]): Promise<void> {
    const path = `/v1/collections/${this.#options.collection}/documents:batch`
    const answer = await this.#client.call<BatchAnswer>(
      'POST',
      path,
      { documents },
      { signal: this.#options.signal },
    )
    this.#sent += answer.documents.length
    for (const { outcome } of answer.documents) if (isCounted(outcome)) this.#outcomes[outcome] += 1
    const queued = answer.documents.filter(({ outcome }) => outcome !== 'unchanged').length
    if (answer.job_id !== null)
      this.#open.set(answer.job_id, {
        total: queued,
        done: 0,
        dead: 0,
        cancelled: 0,
        waiting: queued,
      })
    this.#draw()
  }

  async poll(): Promise<void> {
    await pause(POLL_MS, undefined, { signal: this.#options.signal })
    const [id] = this.#open.keys()
    if (id === undefined) return
    const job = await this.#client.call<JobAnswer>('GET', `/v1/jobs/${id}`, undefined, {
      signal: this.#options.signal,
    })
    this.#open.set(id, job.counts)
    if (job.counts.waiting === 0) {
      this.#open.delete(id)
      this.#indexed += job.counts.done
      this.#failed.push(...job.failures)
    }
    this.#draw()
  }

  finish(): IngestSummary {
    this.#progress.clear()
    return {
      documents: this.#sent,
      ...this.#outcomes,
      indexed: this.#indexed,
      failed: this.#failed,
      seconds: this.#progress.seconds,
    }
  }

  #draw(): void {
    if (this.#options.quiet) return
    const note = this.#failed.length === 0 ? '' : `${this.#failed.length} failed`
    this.#progress.draw(this.#sent - this.waiting, this.#sent, note)
  }
}

type Counted = 'created' | 'updated' | 'unchanged'

function isCounted(outcome: string): outcome is Counted {
  return outcome === 'created' || outcome === 'updated' || outcome === 'unchanged'
}

async function* batches(
  documents: AsyncIterable<DocumentOnWire>,
): AsyncGenerator<DocumentOnWire[]> {
  let batch: DocumentOnWire[] = []
  let bytes = 0
  for await (const document of documents) {
    const size = (document.text?.length ?? 0) + (document.content_base64?.length ?? 0)
    if (batch.length > 0 && (batch.length >= BATCH_DOCUMENTS || bytes + size > BATCH_BYTES)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(document)
    bytes += size
  }
  if (batch.length > 0) yield batch
}
