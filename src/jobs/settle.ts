import type { Work, WorkItem } from '../catalog/catalog.ts'
import { QuarryError } from '../core/errors.ts'
import { backoffMs } from '../core/wake.ts'
import { blamesText } from '../ingest/blames-text.ts'
import type { Outcome } from '../ingest/ingest.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'

export interface SettleDeps {
  readonly catalog: { readonly work: Pick<Work, 'bury' | 'release'> }
  readonly metrics: Pick<Metrics, 'ingested'>
  readonly log: Log
  readonly limits: SettleLimits
}

export interface SettleLimits {
  readonly jobAttempts: number
  readonly jobBackoffMs: number
}

export interface SettleCounts {
  readonly indexed: number
  readonly overtaken: number
  readonly buried: number
  readonly retried: number
}

const BACKOFF_MAX_MS = 15 * 60_000
const REASON_CHARS_MAX = 500

/** Committed items are settled already. The others become dead letters or come again after a pause. */
export async function settle(
  outcomes: readonly Outcome[],
  deps: SettleDeps,
  signal: AbortSignal,
): Promise<SettleCounts> {
  const { work } = deps.catalog
  const failed = outcomes.filter((outcome) => outcome.kind === 'failed')
  const lost = signal.aborted ? [] : failed.filter((one) => isLost(one, deps.limits))
  for (const { item, error } of lost) {
    await work.bury(item, reasonOf(error))
    deps.metrics.ingested('failed', 1, 0)
    deps.log.warn({ ...namesOf(item), ...faultOf(error) }, 'document buried')
  }
  const retried = failed.filter((one) => !lost.includes(one))
  for (const { ids, pauseMs, reason } of releases(retried, deps, signal)) {
    await work.release(ids, pauseMs, reason)
  }
  return {
    indexed: outcomes.filter(({ kind }) => kind === 'indexed').length,
    overtaken: outcomes.filter(({ kind }) => kind === 'overtaken').length,
    buried: lost.length,
    retried: retried.length,
  }
}

type Failed = Extract<Outcome, { kind: 'failed' }>

function isLost({ item, error }: Failed, { jobAttempts }: SettleLimits): boolean {
  return blamesText(error) || item.attempts >= jobAttempts
}

/** A model in trouble fails a whole delivery with one error, so what waits alike is handed back in one call. */
function releases(failed: readonly Failed[], { limits, log }: SettleDeps, signal: AbortSignal) {
  const groups = new Map<string, { ids: bigint[]; pauseMs: number; reason: string }>()
  for (const { item, error } of failed) {
    const pauseMs = signal.aborted ? 0 : pauseMsOf(item, error, limits)
    const reason = signal.aborted ? 'the worker stopped before it was done' : reasonOf(error)
    const key = `${pauseMs} ${reason}`
    const group = groups.get(key)
    if (group === undefined) {
      groups.set(key, { ids: [item.id], pauseMs, reason })
      log.warn({ ...namesOf(item), ...faultOf(error), pauseMs }, 'documents will be tried again')
    } else {
      group.ids.push(item.id)
    }
  }
  return groups.values()
}

/** Never shorter than the failing side asked for. */
function pauseMsOf(item: WorkItem, error: unknown, { jobBackoffMs }: SettleLimits): number {
  const own = backoffMs(item.attempts, jobBackoffMs, BACKOFF_MAX_MS)
  const wanted = error instanceof QuarryError ? error.details['retryAfterMs'] : undefined
  return typeof wanted === 'number' && wanted > own ? Math.min(wanted, BACKOFF_MAX_MS) : own
}

/** Our own messages are written for people; of a bug only its kind is told. */
function reasonOf(error: unknown): string {
  if (error instanceof QuarryError) return error.message.slice(0, REASON_CHARS_MAX)
  const kind = error instanceof Error ? error.name : typeof error
  return `an unexpected ${kind} stopped the work; the log of the worker has it`
}

/** A bug is logged with its stack, our own errors by their code. */
function faultOf(error: unknown) {
  return error instanceof QuarryError ? { code: error.code } : { err: error }
}

function namesOf({ tenant, collection, document, jobId, attempts }: WorkItem) {
  return { tenant, collection, document, jobId, attempts }
}
