import { QuarryError } from '../src/core/errors.ts'
import { abandoned } from './breaker.ts'
import { settleAtAbort } from './upstream.ts'

export interface BatcherOptions<Out> {
  readonly itemsMax: number
  readonly tokensMax: number
  readonly bytesMax: number
  /** How long the first text waits for company. */
  readonly windowMs: number
  /** One call to the provider: an answer for each text, in order, and the tokens it counted. */
  readonly send: (texts: readonly string[], signal: AbortSignal) => Promise<Sent<Out>>
}

export interface Sent<Out> {
  readonly results: readonly Out[]
  readonly tokens: number
}

/** Packs the texts of many concurrent calls into few provider calls and hands each caller its own answers. */
export interface Batcher<Out> {
  /**
   * Rejects when one of the texts does; a refused text is an `invalid_request` with its `index` in `details`. An
   * abort takes back what has not left and leaves other callers' texts alone.
   */
  add(texts: readonly string[], signal: AbortSignal): Promise<Sent<Out>>
}

interface Item<Out> {
  readonly text: string
  readonly bytes: number
  readonly tokens: number
  readonly call: Call<Out>
  readonly index: number
}

interface Call<Out> {
  readonly results: Out[]
  /** Texts without an answer. */
  open: number
  tokens: number
  settled: boolean
  readonly resolve: (sent: Sent<Out>) => void
  readonly reject: (error: unknown) => void
  /** Batches under way with texts of this call, told when the caller leaves. */
  readonly onLeave: Set<() => void>
}

export function createBatcher<Out>(options: BatcherOptions<Out>): Batcher<Out> {
  let queue: Item<Out>[] = []
  let timer: NodeJS.Timeout | null = null

  const flush = (): void => {
    timer = null
    const items = queue.filter(({ call }) => !call.settled)
    queue = []
    for (const batch of pack(items, options)) void dispatch(batch, options)
  }
  const enqueue = (items: readonly Item<Out>[]): void => {
    for (const item of items) queue.push(item)
    if (queue.length >= options.itemsMax && timer !== null) clearTimeout(timer)
    if (queue.length >= options.itemsMax) flush()
    else timer ??= setTimeout(flush, options.windowMs)
  }

  return {
    add: async (texts, signal) => {
      if (texts.length === 0) return { results: [], tokens: 0 }
      const { call, done } = openCall<Out>(texts.length)
      if (!signal.aborted) enqueue(texts.map((text, index) => measure(text, call, index)))
      try {
        return await settleAtAbort(done, signal)
      } finally {
        if (!call.settled) leave(call)
      }
    },
  }
}

/** Whatever becomes of the call's other texts, nobody wants to know any more. */
function leave<Out>(call: Call<Out>): void {
  call.settled = true
  for (const notify of call.onLeave) notify()
}

function openCall<Out>(count: number): { call: Call<Out>; done: Promise<Sent<Out>> } {
  const { promise, resolve, reject } = withResolvers<Sent<Out>>()
  const call: Call<Out> = {
    results: new Array<Out>(count),
    open: count,
    tokens: 0,
    settled: false,
    resolve,
    reject,
    onLeave: new Set(),
  }
  return { call, done: promise }
}

function withResolvers<T>(): {
  promise: Promise<T>
  resolve: (value: T) => void
  reject: (error: unknown) => void
} {
  let resolve: (value: T) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}

/** Three bytes a token is on the safe side for Latin text and right for most other scripts. */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 3)
}

function measure<Out>(text: string, call: Call<Out>, index: number): Item<Out> {
  return { text, bytes: Buffer.byteLength(text), tokens: estimateTokens(text), call, index }
}

/** A text above a limit by itself travels alone. */
function pack<Out>(items: readonly Item<Out>[], options: BatcherOptions<Out>): Item<Out>[][] {
  const batches: Item<Out>[][] = []
  let batch: Item<Out>[] = []
  let tokens = 0
  let bytes = 0
  for (const item of items) {
    const full =
      batch.length === options.itemsMax ||
      tokens + item.tokens > options.tokensMax ||
      bytes + item.bytes > options.bytesMax
    if (full && batch.length > 0) {
      batches.push(batch)
      batch = []
      tokens = 0
      bytes = 0
    }
    batch.push(item)
    tokens += item.tokens
    bytes += item.bytes
  }
  if (batch.length > 0) batches.push(batch)
  return batches
}

async function dispatch<Out>(
  batch: readonly Item<Out>[],
  options: BatcherOptions<Out>,
): Promise<void> {
  const controller = new AbortController()
  const calls = new Set(batch.map(({ call }) => call))
  const onLeave = (): void => {
    if ([...calls].every(({ settled }) => settled)) controller.abort(abandoned())
  }
  for (const call of calls) call.onLeave.add(onLeave)
  try {
    await deliver(batch, options, controller.signal)
  } finally {
    for (const call of calls) call.onLeave.delete(onLeave)
  }
}

/** Halves a refused batch until the text that the provider does not take stands alone. */
async function deliver<Out>(
  batch: readonly Item<Out>[],
  options: BatcherOptions<Out>,
  signal: AbortSignal,
): Promise<void> {
  const items = batch.filter(({ call }) => !call.settled)
  if (items.length === 0) return
  try {
    const sent = await options.send(
      items.map(({ text }) => text),
      signal,
    )
    hand(items, sent)
  } catch (error) {
    if (items.length === 1 || !isRefusal(error)) {
      for (const item of items) fail(item, error)
      return
    }
    const half = items.length >> 1
    await deliver(items.slice(0, half), options, signal)
    await deliver(items.slice(half), options, signal)
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof QuarryError && error.code === 'invalid_request'
}

/** Shares the counted tokens out by estimated length, so that the parts add up to exactly what was billed. */
function hand<Out>(items: readonly Item<Out>[], sent: Sent<Out>): void {
  const estimated = items.reduce((sum, { tokens }) => sum + tokens, 0)
  let seen = 0
  let given = 0
  items.forEach(({ call, index, tokens }, place) => {
    seen += tokens
    const share = Math.round((sent.tokens * seen) / Math.max(1, estimated)) - given
    given += share
    call.tokens += share
    call.results[index] = sent.results[place] as Out
    call.open -= 1
    if (call.open > 0 || call.settled) return
    call.settled = true
    call.resolve({ results: call.results, tokens: call.tokens })
  })
}

function fail<Out>({ call, index }: Item<Out>, error: unknown): void {
  if (call.settled) return
  leave(call)
  call.reject(isRefusal(error) && error instanceof QuarryError ? at(index, error) : error)
}

function at(index: number, error: QuarryError): QuarryError {
  return new QuarryError(error.code, `text ${index}: ${error.message}`, {
    retryable: error.retryable,
    details: { ...error.details, index },
  })
}
