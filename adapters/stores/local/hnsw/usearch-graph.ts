import type { Worker } from 'node:worker_threads'
import { QuarryError } from '../../../../src/core/errors.ts'
import { startThread } from '../../../../src/core/spawnable.ts'
import { UnusableFile } from '../segment/unusable-file.ts'
import type { Graph } from './graph.ts'
import { type GraphFile, notLoaded } from './graph-file.ts'
import { loadUsearch } from './native.ts'
import type { UsearchCall, UsearchReply, UsearchRequest } from './usearch-thread.ts'

/** Beside what is in the file: the node's address, its key's place in a hash table, locks. */
const ROW_EXTRA_BYTES = 128

export function usearchBytes(fileBytes: number, rows: number): number {
  return fileBytes + rows * ROW_EXTRA_BYTES
}

/**
 * Loads a file that was checked. usearch loads synchronously (55 ms for 100,000 rows), so its graphs live in a thread
 * of their own, one for the process, that ends with the last of them.
 */
export async function openUsearchGraph(
  file: GraphFile,
  rows: number,
  dimensions: number,
): Promise<Graph> {
  // Here too, so that a missing package is told apart from a thread that failed.
  await loadUsearch()
  const thread = acquire()
  const graph = thread.nextGraph++
  try {
    const [found] = await ask(thread, graph, { kind: 'open', path: file.path, dimensions })
    if (found !== rows)
      throw new UnusableFile('other_content', file.path, `it has ${found} rows, not ${rows}`)
  } catch (error) {
    release(thread, graph)
    throw error instanceof QuarryError ? error : notLoaded(file, error)
  }
  let closed = false
  return {
    rows,
    bytes: usearchBytes(file.bytes, rows),
    async nearest(query, width, depth) {
      if (closed) throw new QuarryError('internal', `${file.path} was closed while it is searched`)
      const found = await ask(thread, graph, { kind: 'nearest', query: query.slice(), width })
      return { rows: found.subarray(0, depth), scores: null }
    },
    close() {
      if (closed) return
      closed = true
      release(thread, graph)
    },
  }
}

interface Waiting {
  readonly resolve: (rows: Uint32Array) => void
  readonly reject: (error: unknown) => void
}

interface GraphThread {
  readonly worker: Worker
  readonly waiting: Map<number, Waiting>
  nextId: number
  nextGraph: number
  graphs: number
  /** Why it answers no more; null while it runs. */
  ended: QuarryError | null
}

let running: GraphThread | null = null

function acquire(): GraphThread {
  running ??= start()
  running.graphs += 1
  return running
}

function release(thread: GraphThread, graph: number): void {
  thread.graphs -= 1
  if (thread.graphs > 0) {
    void ask(thread, graph, { kind: 'close' }).catch(() => undefined)
    return
  }
  if (running === thread) running = null
  void thread.worker.terminate()
}

function start(): GraphThread {
  const worker = startThread(new URL('./usearch-thread.ts', import.meta.url))
  const thread: GraphThread = {
    worker,
    waiting: new Map(),
    nextId: 0,
    nextGraph: 0,
    graphs: 0,
    ended: null,
  }
  worker.unref()
  worker.on('message', ({ id, rows, error }: UsearchReply) => {
    const waiting = thread.waiting.get(id)
    thread.waiting.delete(id)
    if (thread.waiting.size === 0) worker.unref()
    if (rows !== undefined) waiting?.resolve(rows)
    else waiting?.reject(error)
  })
  const end = (cause: unknown): void => {
    if (running === thread) running = null
    const ended = new QuarryError('unavailable', 'the thread of the int8 graphs ended', { cause })
    thread.ended ??= ended
    for (const { reject } of thread.waiting.values()) reject(ended)
    thread.waiting.clear()
  }
  worker.on('error', end)
  worker.on('exit', (code) => end(new Error(`it ended with ${code}`)))
  return thread
}

function ask(thread: GraphThread, graph: number, call: UsearchCall): Promise<Uint32Array> {
  if (thread.ended !== null) return Promise.reject(thread.ended)
  return new Promise((resolve, reject) => {
    const request: UsearchRequest = { id: thread.nextId++, graph, call }
    thread.waiting.set(request.id, { resolve, reject })
    thread.worker.ref()
    thread.worker.postMessage(request)
  })
}
