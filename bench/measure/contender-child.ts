import { openContender, type Tasks } from '../contenders/contenders.ts'
import { PeerUnavailable } from '../peers/load-peer.ts'
import { type Contender, runLane } from './lanes.ts'
import type { Reply, Request } from './messages.ts'

let contender: Contender = { lanes: {} }

process.on('message', (request: Request) => {
  answer(request).then(send, fail)
})

async function answer(request: Request): Promise<Reply> {
  if (request.kind === 'open') return open(request.name as keyof Tasks, request.task)
  const lane = contender.lanes[request.lane]
  if (lane === undefined) throw new Error(`no lane ${request.lane}`)
  if (request.kind === 'run') {
    const costs = await runLane(lane, request.from, request.to, request.grain)
    return { kind: 'costs', costs, rssBytes: process.memoryUsage().rss }
  }
  const rows: (readonly number[])[] = []
  for (let query = 0; query < request.count; query++) rows.push(await lane(query))
  return { kind: 'answers', rows }
}

async function open(name: keyof Tasks, task: unknown): Promise<Reply> {
  const startedMs = performance.now()
  contender = await openContender(name, task as Tasks[typeof name])
  // What opening left behind is not to be collected at the cost of the searches.
  globalThis.gc?.()
  return {
    kind: 'opened',
    lanes: Object.keys(contender.lanes),
    facts: contender.facts ?? {},
    openMs: performance.now() - startedMs,
    rssBytes: process.memoryUsage().rss,
  }
}

function send(reply: Reply): void {
  process.send?.(reply)
}

function fail(error: unknown): void {
  const { message, stack } = error as Error
  const unavailable = error instanceof PeerUnavailable
  send({ kind: 'failed', unavailable, message: unavailable ? message : (stack ?? message) })
}
