import { parentPort } from 'node:worker_threads'
import { loadUsearch, type UsearchIndex } from './native.ts'
import { freeUsearch, usearchConfig } from './usearch-index.ts'

export type UsearchCall =
  | { readonly kind: 'open'; readonly path: string; readonly dimensions: number }
  | { readonly kind: 'nearest'; readonly query: Float32Array; readonly width: number }
  | { readonly kind: 'close' }

export interface UsearchRequest {
  readonly id: number
  /** Which graph. */
  readonly graph: number
  readonly call: UsearchCall
}

export interface UsearchReply {
  readonly id: number
  /** Rows, nearest first, of a search; how many rows the graph has, of the others. */
  readonly rows?: Uint32Array
  readonly error?: unknown
}

const graphs = new Map<number, UsearchIndex>()
let ready: Promise<unknown> = Promise.resolve()

// One after the other: a graph's first search may come while it is being loaded.
parentPort?.on('message', (request: UsearchRequest) => {
  ready = ready.then(() => answer(request))
})

async function answer({ id, graph, call }: UsearchRequest): Promise<void> {
  let reply: UsearchReply
  try {
    reply = { id, rows: await run(graph, call) }
  } catch (error) {
    reply = { id, error }
  }
  parentPort?.postMessage(reply)
}

async function run(graph: number, call: UsearchCall): Promise<Uint32Array> {
  const { Index } = await loadUsearch()
  if (call.kind === 'open') {
    const index = new Index(usearchConfig(call.dimensions))
    index.load(call.path)
    graphs.set(graph, index)
    return Uint32Array.of(index.size())
  }
  const index = graphs.get(graph)
  if (index === undefined) throw new Error(`graph ${graph} is not open`)
  if (call.kind === 'nearest')
    return Uint32Array.from(index.search(call.query, call.width, 1).keys, Number)
  graphs.delete(graph)
  freeUsearch(Index, index)
  return Uint32Array.of(0)
}
