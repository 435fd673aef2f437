import type { Budget } from '../core/budget.ts'
import { QuarryError } from '../core/errors.ts'
import type { Degradation } from './request.ts'
import type { Run } from './run.ts'

export type StageResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false }

/** What stands in for each stage that an answer can do without. */
const FALLBACKS = {
  fresh: 'stale_index',
  embed: 'lexical_only',
  dense: 'lexical_only',
  lexical: 'dense_only',
  rewrite: 'plain_query',
  rerank: 'fused_order',
  read: 'fewer_hits',
  expand: 'unexpanded',
  assemble: 'no_prompt',
} as const satisfies Partial<Record<Degradation['stage'], Degradation['fallback']>>

/**
 * Runs a stage that the answer can do without. An upstream's retryable failure degrades the answer; a bug, a bad
 * request and the caller's abort surface.
 */
export async function runStage<T>(
  stage: keyof typeof FALLBACKS,
  { trace, request }: Pick<Run, 'trace' | 'request'>,
  budget: Budget,
  work: (signal: AbortSignal) => Promise<T>,
  noticeMs = 0,
): Promise<StageResult<T>> {
  try {
    return { ok: true, value: await trace.time(stage, () => budget.run(work, noticeMs)) }
  } catch (cause) {
    request.signal?.throwIfAborted()
    if (!(cause instanceof QuarryError) || !cause.retryable) throw cause
    const reason = stage === 'fresh' && isLate(cause) ? 'stale' : reasonOf(cause)
    trace.degrade({ stage, reason, fallback: FALLBACKS[stage], detail: cause.message })
    return { ok: false }
  }
}

function isLate(error: QuarryError): boolean {
  return error.code === 'deadline_exceeded'
}

export function reasonOf(error: QuarryError): Degradation['reason'] {
  switch (error.code) {
    case 'deadline_exceeded':
      return 'deadline'
    case 'upstream_failed':
    case 'rate_limited':
      return error.code
    default:
      return error.details['reason'] === 'circuit_open' ? 'circuit_open' : 'unavailable'
  }
}
