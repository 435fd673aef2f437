import type { Answered } from './evaluate.ts'

export interface Latency {
  /** Answers that were measured: whole ones, not from a cache. */
  readonly answers: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  /** Median of each part of the retrieval that ran, in milliseconds. */
  readonly parts: Readonly<Record<string, number>>
}

/** Milliseconds as the caller saw them. Null when nothing was measured. */
export function latencyOf(answers: Iterable<Answered>): Latency | null {
  const measured = [...answers].filter(
    ({ failure, cached, degraded }) => failure === null && !cached && degraded.length === 0,
  )
  if (measured.length === 0) return null
  const whole = sorted(measured.map(({ latencyMs }) => latencyMs))
  const parts = new Map<string, number[]>()
  for (const { timingsMs } of measured)
    for (const [part, ms] of Object.entries(timingsMs)) {
      if (ms === undefined) continue
      const list = parts.get(part)
      if (list === undefined) parts.set(part, [ms])
      else list.push(ms)
    }
  return {
    answers: measured.length,
    p50: percentile(whole, 0.5),
    p95: percentile(whole, 0.95),
    p99: percentile(whole, 0.99),
    parts: Object.fromEntries(
      [...parts].map(([part, times]) => [part, percentile(sorted(times), 0.5)]),
    ),
  }
}

/** By nearest rank: a value that was measured, not one between two. */
function percentile(ascending: readonly number[], share: number): number {
  const at = Math.max(0, Math.ceil(share * ascending.length) - 1)
  return ascending[at] ?? Number.NaN
}

function sorted(values: readonly number[]): readonly number[] {
  return values.toSorted((a, b) => a - b)
}
