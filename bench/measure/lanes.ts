import { percentile } from '../load.ts'

/** One way to answer query number `query`: the rows found, best first. */
export type Lane = (query: number) => readonly number[] | Promise<readonly number[]>

/** What is measured side by side, and facts about it such as its bytes. */
export interface Contender {
  readonly lanes: Readonly<Record<string, Lane>>
  readonly facts?: Readonly<Record<string, number>>
}

/** What each query, or each of a batch on average, cost in milliseconds. */
export interface Costs {
  /** Of all threads of the process. */
  readonly cpuMs: readonly number[]
  readonly wallMs: readonly number[]
}

export interface Summary {
  readonly samples: number
  readonly cpu_mean_ms: number
  readonly cpu_p50_ms: number
  readonly cpu_p99_ms: number
  readonly wall_p50_ms: number
  readonly wall_p99_ms: number
}

/** Where the clocks are read: around each query, or, for queries of microseconds, once around them all. */
export type Grain = 'query' | 'batch'

/** Runs one lane over queries `from` to `to`. */
export async function runLane(lane: Lane, from: number, to: number, grain: Grain): Promise<Costs> {
  const step = grain === 'query' ? 1 : to - from
  const cpuMs: number[] = []
  const wallMs: number[] = []
  for (let first = from; first < to; first += step) {
    const cpu = process.cpuUsage()
    const startedMs = performance.now()
    for (let query = first; query < first + step; query++) {
      const answer = lane(query)
      if (answer instanceof Promise) await answer
    }
    wallMs.push((performance.now() - startedMs) / step)
    const { user, system } = process.cpuUsage(cpu)
    cpuMs.push((user + system) / 1_000 / step)
  }
  return { cpuMs, wallMs }
}

export function join(parts: readonly Costs[]): Costs {
  return {
    cpuMs: parts.flatMap(({ cpuMs }) => cpuMs),
    wallMs: parts.flatMap(({ wallMs }) => wallMs),
  }
}

export function summarize({ cpuMs, wallMs }: Costs): Summary {
  return {
    samples: cpuMs.length,
    cpu_mean_ms: round(mean(cpuMs)),
    cpu_p50_ms: round(percentile(cpuMs, 0.5)),
    cpu_p99_ms: round(percentile(cpuMs, 0.99)),
    wall_p50_ms: round(percentile(wallMs, 0.5)),
    wall_p99_ms: round(percentile(wallMs, 0.99)),
  }
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Four significant digits, so that a microsecond shows beside a minute. */
export function round(value: number): number {
  return Number(value.toPrecision(4))
}
