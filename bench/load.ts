import { Agent, request } from 'node:http'

export interface Sample {
  readonly ms: number
  readonly body: unknown
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
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const samples: Sample[] = []
  let failures = 0
  let next = 0
  const startedMs = performance.now()
  const caller = async (): Promise<void> => {
    for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) {
      const sentMs = performance.now()
      const answer = await post(url, agent, headers, body)
      if (answer.status === 200)
        samples.push({ ms: performance.now() - sentMs, body: JSON.parse(answer.text) })
      else failures += 1
    }
  }
  await Promise.all(Array.from({ length: connections }, caller))
  agent.destroy()
  return { samples, failures, seconds: (performance.now() - startedMs) / 1000 }
}

function post(
  url: URL,
  agent: Agent,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      {
        method: 'POST',
        agent,
        headers: {
          ...headers,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        },
        timeout: 60_000,
      },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(parts).toString('utf8'),
          }),
        )
        response.on('error', reject)
      },
    )
    call.on('timeout', () => call.destroy(new Error('no answer in 60 s')))
    call.on('error', reject)
    call.end(body)
  })
}

/** The value that `share` of the values do not exceed (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}
