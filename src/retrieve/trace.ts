import type { Clock } from '../core/budget.ts'
import { type ErrorCode, QuarryError } from '../core/errors.ts'
import type {
  Degradation,
  RequirableStage,
  RetrieveRequest,
  RetrieveResponse,
  StageName,
} from './request.ts'

export type Timings = RetrieveResponse['timingsMs']

/** What one retrieval has gone through so far: time by stage, and what is missing from its answer. */
export class Trace {
  readonly #clock: Clock
  readonly #startedMs: number
  readonly #request: RetrieveRequest
  readonly #spentMs = new Map<StageName, number>()
  readonly #degraded: Degradation[] = []

  constructor(request: RetrieveRequest, clock: Clock = () => performance.now()) {
    this.#request = request
    this.#clock = clock
    this.#startedMs = clock()
  }

  /** What is missing as of now: parts that are being aborted may still add to it. */
  get degraded(): readonly Degradation[] {
    return [...this.#degraded]
  }

  /** Notes what is missing, or throws when the caller would rather have no answer than one without it. */
  degrade(degradation: Degradation): void {
    this.#degraded.push(degradation)
    const { onDegraded, require } = this.#request
    if (onDegraded === 'partial' && !require.some((stage) => isWithout(stage, degradation))) return
    const { stage, reason, detail } = degradation
    throw new QuarryError(
      CODES[reason],
      `${stage}: ${detail ?? reason}; the request accepts no answer without it`,
      { retryable: isTransient(reason), details: { degraded: this.degraded } },
    )
  }

  async time<T>(stage: StageName, work: () => T | Promise<T>): Promise<T> {
    const startedMs = this.#clock()
    try {
      return await work()
    } finally {
      const spentMs = this.#clock() - startedMs
      this.#spentMs.set(stage, (this.#spentMs.get(stage) ?? 0) + spentMs)
    }
  }

  timings(): Timings {
    const timings: Partial<Record<StageName | 'total', number>> = {}
    for (const [stage, spentMs] of this.#spentMs) timings[stage] = rounded(spentMs)
    timings.total = rounded(this.#clock() - this.#startedMs)
    return timings
  }
}

export function isTransient(reason: Degradation['reason']): boolean {
  return reason !== 'space_mismatch' && reason !== 'under_filled'
}

/** What a retrieval fails with when it fails for this reason. */
const CODES: Record<Degradation['reason'], ErrorCode> = {
  deadline: 'deadline_exceeded',
  stale: 'deadline_exceeded',
  partial: 'deadline_exceeded',
  upstream_failed: 'upstream_failed',
  rate_limited: 'unavailable',
  unavailable: 'unavailable',
  circuit_open: 'unavailable',
  space_mismatch: 'unavailable',
  under_filled: 'unavailable',
}

/** A stage that gave less than all is still there; the dense leg is gone with its query vector. */
function isWithout(stage: RequirableStage, { stage: lost, reason }: Degradation): boolean {
  if (reason === 'partial' || reason === 'under_filled') return false
  return lost === stage || (lost === 'embed' && stage === 'dense')
}

/** A hundredth of a millisecond is plenty. */
function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}
