import type { EmbeddingSpace, PreparedChunk, Work, WorkItem } from '../catalog/catalog.ts'
import { Budget } from '../core/budget.ts'
import type { Embedded, Embedder } from '../core/embedder.ts'
import { QuarryError } from '../core/errors.ts'
import type { TenantId } from '../core/model.ts'
import { createPace } from '../core/pace.ts'
import { blamesText } from './blames-text.ts'
import { type HashedChunk, passageOf } from './prepare.ts'

export interface EmbedDeps {
  readonly work: Pick<Work, 'knownVectors'>
  readonly embedder: Embedder
  /** Time for one call to the model; the wave gets as many as its texts need. */
  readonly upstreamMs: number
  readonly embedBatchItems: number
}

/** The chunks of one document for the space that is embedded. */
export interface Cut {
  readonly item: WorkItem
  readonly chunks: readonly HashedChunk[]
}

export type WaveResult =
  | {
      readonly item: WorkItem
      readonly chunks: readonly PreparedChunk[]
      /** Tokens that the model counted, all of a call's on its first document. */
      readonly tokens: number
    }
  | { readonly item: WorkItem; readonly error: unknown }

const HASHES_PER_QUERY = 1_000

/**
 * Gives the chunks of several documents of one tenant their vectors: known ones from the catalog, the rest in one call
 * without doubles. Where the model refuses a text, halves are tried until the one document at fault stands alone.
 */
export async function embedWave(
  documents: readonly Cut[],
  tenant: TenantId,
  space: EmbeddingSpace,
  deps: EmbedDeps,
  signal: AbortSignal,
): Promise<readonly WaveResult[]> {
  try {
    const { vectors, tokens } = await vectorsOf(documents, tenant, space, deps, signal)
    return documents.map(({ item, chunks }, at) => ({
      item,
      chunks: chunks.map((chunk) => ({
        ...chunk,
        vector: vectorOf(vectors, chunk.contentHash),
      })),
      tokens: at === 0 ? tokens : 0,
    }))
  } catch (error) {
    if (documents.length === 1 || !blamesText(error) || signal.aborted) {
      return documents.map(({ item }) => ({ item, error }))
    }
    const half = documents.length >> 1
    const first = await embedWave(documents.slice(0, half), tenant, space, deps, signal)
    const second = await embedWave(documents.slice(half), tenant, space, deps, signal)
    return [...first, ...second]
  }
}

async function vectorsOf(
  documents: readonly Cut[],
  tenant: TenantId,
  space: EmbeddingSpace,
  deps: EmbedDeps,
  signal: AbortSignal,
): Promise<{ readonly vectors: ReadonlyMap<string, Float32Array>; readonly tokens: number }> {
  const passages = new Map<string, string>()
  for (const { chunks } of documents) {
    for (const chunk of chunks) passages.set(chunk.contentHash, passageOf(chunk))
  }
  const vectors = new Map<string, Float32Array>()
  const hashes = [...passages.keys()]
  for (let at = 0; at < hashes.length; at += HASHES_PER_QUERY) {
    const part = hashes.slice(at, at + HASHES_PER_QUERY)
    for (const [hash, vector] of await deps.work.knownVectors(tenant, space.id, part)) {
      vectors.set(hash, vector)
      passages.delete(hash)
    }
  }
  if (passages.size === 0) return { vectors, tokens: 0 }
  const embedded = await embed([...passages.values()], tenant, deps, signal)
  await checkVectors(embedded, passages.size, space)
  let next = 0
  for (const hash of passages.keys()) {
    const vector = embedded.vectors[next++]
    if (vector !== undefined) vectors.set(hash, vector)
  }
  return { vectors, tokens: embedded.tokens }
}

async function embed(
  texts: readonly string[],
  tenant: TenantId,
  { embedder, upstreamMs, embedBatchItems }: EmbedDeps,
  signal: AbortSignal,
): Promise<Embedded> {
  const allowedMs = upstreamMs * (1 + Math.ceil(texts.length / embedBatchItems))
  const budget = Budget.start(allowedMs, { signal })
  try {
    return await budget.run((ends) => embedder.embedPassages(texts, { tenant, signal: ends }))
  } catch (error) {
    if (budget.remainingMs() > 0) throw error
    const message = `embedding ${texts.length} passages took longer than ${allowedMs} ms`
    throw new QuarryError('deadline_exceeded', message, { cause: error })
  }
}

/** The port promises all this; a vector that breaks the promise would poison every search of the space. */
async function checkVectors(
  { vectors }: Embedded,
  count: number,
  space: EmbeddingSpace,
): Promise<void> {
  if (vectors.length !== count) {
    throw broken(space, `returned ${vectors.length} vectors for ${count} texts`)
  }
  const pace = createPace()
  for (const vector of vectors) {
    if (vector.length !== space.dimensions) {
      throw broken(space, `returned ${vector.length} dimensions instead of ${space.dimensions}`)
    }
    let norm = 0
    for (const x of vector) norm += x * x
    if (!Number.isFinite(norm) || norm === 0) {
      throw broken(space, `returned a ${norm === 0 ? 'zero' : 'non-finite'} vector`)
    }
    await pace()
  }
}

function broken(space: EmbeddingSpace, what: string): QuarryError {
  return new QuarryError('upstream_failed', `embedder «${space.embedder}» of ${space.name} ${what}`)
}

function vectorOf(vectors: ReadonlyMap<string, Float32Array>, hash: string): Float32Array {
  const vector = vectors.get(hash)
  if (vector === undefined) throw new QuarryError('internal', `no vector for passage ${hash}`)
  return vector
}
