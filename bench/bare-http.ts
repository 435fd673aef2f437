import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { closedLoop, percentile } from './load.ts'

const REQUESTS = 1_000

/**
 * What HTTP alone takes between two processes of this machine: the median beside `busyMs` of work, for an answer of so
 * many characters, from a server that does nothing else.
 */
export async function measureBareHttp(chars: number, busyMs: number): Promise<number> {
  const child = fork(fileURLToPath(import.meta.url), [String(chars), String(busyMs)])
  try {
    const [port] = (await once(child, 'message')) as [number]
    const bodies = Array.from({ length: REQUESTS }, (_, i) => JSON.stringify({ query: `q${i}` }))
    const url = new URL(`http://127.0.0.1:${port}/`)
    const { samples } = await closedLoop(url, {}, bodies, 1)
    return percentile(samples.map(({ ms }) => ms).slice(REQUESTS / 2), 0.5) - busyMs
  } finally {
    await stopped(child)
  }
}

async function stopped(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill()
  await exited
}

function serve(chars: number, busyMs: number): void {
  const answer = JSON.stringify({ text: 'a'.repeat(chars) })
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const until = performance.now() + busyMs
      while (performance.now() < until);
      const length = Buffer.byteLength(answer)
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': length })
      response.end(answer)
    })
  })
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  serve(Number(process.argv[2]), Number(process.argv[3]))
