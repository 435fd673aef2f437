import { Connection } from './connection.ts'

/** One answer; no more of it is kept, since a caller's full memory takes time from the server beside it. */
export interface Sample {
  readonly ms: number
  readonly chars: number
  /** What the service says of its stages; empty where it says nothing. */
  readonly timingsMs: Readonly<Record<string, number>>
}

export interface LoadResult {
  readonly samples: readonly Sample[]
  readonly seconds: number
  readonly failures: number
}

/** Sends the bodies over `connections` kept-alive sockets, each sending its next when its last is answered. */
export async function closedLoop(
  url: URL,
  headers: Readonly<Record<string, string>>,
  bodies: readonly string[],
  connections: number,
): Promise<LoadResult> {
  const samples: Sample[] = []
  let failures = 0
  let next = 0
  const startedMs = performance.now()
  const caller = async (): Promise<void> => {
    const connection = await Connection.open(url)
    for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) {
      const { status, text, ms } = await connection.post(url.pathname, headers, body)
      if (status === 200) samples.push({ ms, chars: text.length, timingsMs: timingsIn(text) })
      else failures += 1
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: connections }, caller))
  return { samples, failures, seconds: (performance.now() - startedMs) / 1000 }
}

function timingsIn(text: string): Sample['timingsMs'] {
  const { timings_ms = {} } = JSON.parse(text) as { timings_ms?: Sample['timingsMs'] }
  return timings_ms
}

/** The value that `share` of the values do not exceed (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}
