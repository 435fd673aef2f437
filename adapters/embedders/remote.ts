import { z } from 'zod'
import { Budget } from '../../src/core/budget.ts'
import type { Embedded, Embedder, EmbedderProfile } from '../../src/core/embedder.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { createBatcher, estimateTokens } from '../batcher.ts'
import type { AdapterContext } from '../options.ts'
import { retrying } from '../retry.ts'
import { createUpstream } from '../upstream.ts'
import type { WireVector } from './encodings.ts'
import type { RemoteOptions } from './options.ts'

/** What a text is embedded as, for models that tell the two apart. */
export type TextKind = 'query' | 'passage'

/** One call to the server, checked; `dimensions` null takes whatever length comes. */
export type Post = (
  texts: readonly string[],
  kind: TextKind,
  dimensions: number | null,
  signal: AbortSignal,
) => Promise<Embedded>

export interface Remote {
  /** What it is called in messages and metrics. */
  readonly name: string
  readonly settings: RemoteOptions & { readonly dimensions?: number | undefined }
  readonly post: Post
  /** Given the length of the vectors as the server sends them. */
  readonly profileOf: (dimensions: number) => EmbedderProfile
  /** What may be wrong when the server refuses even one plain word. */
  readonly suspects: string
}

/**
 * An embedder behind a network, whatever its shape: batches, lanes, retries, breaker. Asks for one vector when
 * `dimensions` are not given, and so needs the server to answer at start.
 */
export async function openRemote(remote: Remote, context: AdapterContext): Promise<Embedder> {
  const { name, settings, post } = remote
  const dimensions = settings.dimensions ?? (await measureDimensions(remote))
  const profile = remote.profileOf(dimensions)
  const upstream = createUpstream({
    name,
    concurrency: settings.concurrency,
    breaker: { failuresMax: settings.breaker_failures, openMs: settings.breaker_open_ms },
    onBreaker: context.onBreaker,
  })
  const queryLane = upstream.lane(settings.query_timeout_ms)
  const passageLane = upstream.lane(settings.timeout_ms)
  let proven = false
  const embed = async (texts: readonly string[], signal: AbortSignal) => {
    try {
      const { vectors, tokens } = await post(texts, 'passage', dimensions, signal)
      proven = true
      return { results: vectors, tokens }
    } catch (error) {
      if (!proven && isRefusal(error)) await proveSettings(remote, dimensions, signal)
      throw error
    }
  }
  const batcher = createBatcher<Float32Array>({
    itemsMax: settings.batch_items,
    tokensMax: settings.batch_tokens,
    bytesMax: settings.batch_bytes,
    windowMs: settings.batch_window_ms,
    send: (texts, signal) =>
      retrying(() => passageLane((wire) => embed(texts, wire), signal), {
        retriesMax: settings.retries,
        waitMsMax: settings.retry_wait_ms,
        signal,
      }),
  })

  return {
    profile,
    embedPassages: async (texts, { signal }) => {
      refuseEmpty(texts)
      const prefixed = texts.map((text) => profile.passagePrefix + text)
      const { results, tokens } = await batcher.add(prefixed, signal)
      return { vectors: results, tokens }
    },
    embedQuery: async (text, { signal }) => {
      refuseEmpty([text])
      const prefixed = profile.queryPrefix + text
      return await queryLane((wire) => post([prefixed], 'query', dimensions, wire), signal)
    },
    checkHealth: async (signal) => {
      await post(['ok'], 'query', dimensions, signal)
    },
    close: async () => {},
  }
}

async function measureDimensions({ post, settings }: Remote): Promise<number> {
  const { vectors } = await Budget.start(settings.timeout_ms).run((signal) =>
    post(['ok'], 'query', null, signal),
  )
  return vectors[0]?.length ?? 0
}

/** Tells a text that the server does not take from settings that it does not take: with those, no text would do. */
async function proveSettings(
  { name, post, suspects }: Remote,
  dimensions: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    await post(['ok'], 'passage', dimensions, signal)
  } catch (error) {
    if (!isRefusal(error)) throw error
    throw new QuarryError(
      'upstream_failed',
      `${name} refuses even one plain word: check ${suspects}`,
      { retryable: false },
    )
  }
}

export function isRefusal(error: unknown): boolean {
  return error instanceof QuarryError && error.code === 'invalid_request'
}

function refuseEmpty(texts: readonly string[]): void {
  const index = texts.indexOf('')
  if (index >= 0)
    throw new QuarryError('invalid_request', `text ${index} is empty`, { details: { index } })
}

/** The numbers are checked while they are decoded: zod would look at each of 100,000. */
export const wireVector = z.union([
  z.string(),
  z.custom<readonly unknown[]>((value) => Array.isArray(value), 'expected an array'),
])

/** Answers may come in any order, but each index exactly once. */
export function inOrder(
  data: readonly { readonly index: number; readonly embedding: WireVector }[],
  count: number,
  upstream: string,
): WireVector[] {
  const wires = new Map(data.map(({ index, embedding }) => [index, embedding]))
  const complete = data.length === count && wires.size === count
  const ordered = Array.from({ length: count }, (_, index) => wires.get(index))
  if (!complete || ordered.includes(undefined))
    throw new QuarryError(
      'upstream_failed',
      `${upstream} answered ${count} texts with ${data.length} vectors or repeated an index`,
    )
  return ordered.filter((wire) => wire !== undefined)
}

export function estimateAll(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + estimateTokens(text), 0)
}
