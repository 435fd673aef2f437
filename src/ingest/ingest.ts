import type {
  Catalog,
  Collection,
  CommitEntry,
  CommitPart,
  EmbeddingSpace,
  WorkItem,
} from '../catalog/catalog.ts'
import type { Embedder } from '../core/embedder.ts'
import { QuarryError } from '../core/errors.ts'
import type { CollectionId } from '../core/model.ts'
import type { Metrics } from '../observe/metrics.ts'
import { NO_USAGE, type UsageLedger } from '../observe/usage.ts'
import { embedWave, type WaveResult } from './embed-wave.ts'
import type { Parser } from './parse/parse-document.ts'
import { type ChunkingOf, type PreparedDocument, prepareDocument } from './prepare.ts'
import { readStored, type Stored } from './stored-documents.ts'

export interface IngestDeps {
  readonly catalog: {
    readonly collections: Pick<Catalog['collections'], 'get' | 'indexes'>
    readonly documents: Pick<Catalog['documents'], 'contents'>
    readonly work: Pick<
      Catalog['work'],
      'knownVectors' | 'knownContexts' | 'keepContexts' | 'commit'
    >
  }
  readonly parser: Pick<Parser, 'parse'>
  /** The embedder of a space; throws where the config names none so, or one that makes vectors of another space. */
  readonly embedderFor: (space: EmbeddingSpace) => Embedder
  readonly chunkingOf: ChunkingOf
  readonly usage: Pick<UsageLedger, 'record'>
  readonly metrics: Pick<Metrics, 'ingested'>
  readonly limits: IngestLimits
}

export interface IngestLimits {
  /** Documents parsed at once. */
  readonly parseConcurrency: number
  readonly jobWaveChunks: number
  readonly upstreamMs: number
  readonly embedBatchItems: number
  /** Chunks of one document that wait for a generator at once. */
  readonly enrichmentConcurrency: number
  /** After which a failure is for good. */
  readonly jobAttempts: number
}

export type Outcome =
  | { readonly item: WorkItem; readonly kind: 'indexed'; readonly chunks: number }
  /** A newer write, a delete or a cancel came first; there is nothing left to do. */
  | { readonly item: WorkItem; readonly kind: 'overtaken' }
  | { readonly item: WorkItem; readonly kind: 'failed'; readonly error: unknown }

/** What the collection wants of each document. */
interface Plan {
  readonly collection: Collection
  /** Each space once, the serving one first. */
  readonly spaces: readonly EmbeddingSpace[]
}

/**
 * Brings documents of one tenant and collection into the catalog's chunks, with vectors in each embedding space that an
 * index of the collection wants. Never rejects: every item gets an outcome, and one bad document leaves its neighbours
 * alone.
 */
export async function ingestBatch(
  items: readonly WorkItem[],
  deps: IngestDeps,
  signal: AbortSignal,
): Promise<readonly Outcome[]> {
  const first = items[0]
  if (first === undefined) return []
  try {
    const plan = await planOf(first.collection, deps)
    if (plan === null) return items.map((item) => ({ item, kind: 'overtaken' }))
    return await ingestInWaves(items, plan, deps, signal)
  } catch (error) {
    return items.map((item) => ({ item, kind: 'failed', error }))
  }
}

async function planOf(
  id: CollectionId,
  { catalog, embedderFor }: IngestDeps,
): Promise<Plan | null> {
  const collection = await catalog.collections.get(id)
  if (collection === null) return null
  const spaces = new Map([[collection.serving.space.id, collection.serving.space]])
  for (const index of await catalog.collections.indexes()) {
    if (index.collection === id && index.state !== 'retired')
      spaces.set(index.space.id, index.space)
  }
  // A space that no embedder of the config is for fails the batch here, before anything is parsed.
  for (const space of spaces.values()) embedderFor(space)
  return { collection, spaces: [...spaces.values()] }
}

/** Only so many parsed chunks and vectors are in memory at once. */
async function ingestInWaves(
  items: readonly WorkItem[],
  plan: Plan,
  deps: IngestDeps,
  signal: AbortSignal,
): Promise<readonly Outcome[]> {
  const { parseConcurrency, jobWaveChunks } = deps.limits
  const outcomes: Outcome[] = []
  let wave: PreparedDocument[] = []
  let held = 0
  const take = async (one: PreparedDocument | Outcome): Promise<void> => {
    if ('kind' in one) {
      outcomes.push(one)
      return
    }
    const size = sizeOf(one)
    if (held + size > jobWaveChunks) {
      outcomes.push(...(await finishWave(wave, plan, deps, signal)))
      wave = []
      held = 0
    }
    wave.push(one)
    held += size
  }
  for await (const part of partsOf(readStored(items, deps.catalog.documents), parseConcurrency)) {
    const prepared = await Promise.all(part.map((stored) => prepare(stored, plan, deps, signal)))
    for (const one of prepared) await take(one)
  }
  return [...outcomes, ...(await finishWave(wave, plan, deps, signal))]
}

function sizeOf({ cuts }: PreparedDocument): number {
  return [...cuts.values()].reduce((total, chunks) => total + chunks.length, 0)
}

async function* partsOf<T>(all: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let part: T[] = []
  for await (const one of all) {
    part.push(one)
    if (part.length < size) continue
    yield part
    part = []
  }
  if (part.length > 0) yield part
}

async function prepare(
  { item, document }: Stored,
  { collection, spaces }: Plan,
  deps: IngestDeps,
  signal: AbortSignal,
): Promise<PreparedDocument | Outcome> {
  try {
    signal.throwIfAborted()
    if (document === null) return { item, kind: 'overtaken' }
    return await prepareDocument(item, document, collection, spaces, deps, signal)
  } catch (error) {
    return { item, kind: 'failed', error }
  }
}

/** Embeds the wave for each space and commits the documents with all their spaces at once. */
async function finishWave(
  wave: readonly PreparedDocument[],
  { spaces }: Plan,
  deps: IngestDeps,
  signal: AbortSignal,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  const parts = new Map<PreparedDocument, CommitPart[]>(wave.map((document) => [document, []]))
  for (const space of spaces) {
    for (const [document, result] of await embedFor(space, [...parts.keys()], deps, signal)) {
      if ('error' in result) {
        outcomes.push({ item: document.item, kind: 'failed', error: result.error })
        parts.delete(document)
        continue
      }
      recordUsage(document.item, { embedTokens: result.tokens, documents: 0, bytes: 0 }, deps)
      const { title, metadata } = document
      const target = { space: space.id, chunking: space.chunking, title, metadata }
      parts.get(document)?.push({ target, chunks: result.chunks })
    }
  }
  return [...outcomes, ...(await commitWave(parts, deps, signal))]
}

async function embedFor(
  space: EmbeddingSpace,
  documents: readonly PreparedDocument[],
  deps: IngestDeps,
  signal: AbortSignal,
): Promise<readonly (readonly [PreparedDocument, WaveResult])[]> {
  const [first] = documents
  if (first === undefined) return []
  const byItem = new Map(documents.map((document) => [document.item, document]))
  const cuts = documents.map(({ item, cuts }) => ({ item, chunks: cuts.get(space.chunking) ?? [] }))
  const embedder = deps.embedderFor(space)
  const embedDeps = { work: deps.catalog.work, embedder, ...deps.limits }
  const results = await embedWave(cuts, first.item.tenant, space, embedDeps, signal)
  return results.flatMap((result) => {
    const document = byItem.get(result.item)
    return document === undefined ? [] : [[document, result] as const]
  })
}

/** In one transaction; when that fails, each document by itself, so that a bad one leaves its neighbours alone. */
async function commitWave(
  parts: ReadonlyMap<PreparedDocument, readonly CommitPart[]>,
  deps: IngestDeps,
  signal: AbortSignal,
): Promise<readonly Outcome[]> {
  const documents = [...parts.keys()]
  try {
    return await commitDocuments(documents, parts, deps, signal)
  } catch (error) {
    if (documents.length <= 1 || signal.aborted)
      return documents.map(({ item }) => ({ item, kind: 'failed', error }))
  }
  const outcomes: Outcome[] = []
  for (const document of documents) {
    outcomes.push(
      ...(await commitWave(new Map([[document, parts.get(document) ?? []]]), deps, signal)),
    )
  }
  return outcomes
}

async function commitDocuments(
  documents: readonly PreparedDocument[],
  parts: ReadonlyMap<PreparedDocument, readonly CommitPart[]>,
  deps: IngestDeps,
  signal: AbortSignal,
): Promise<readonly Outcome[]> {
  signal.throwIfAborted()
  const entries = documents.map((document): CommitEntry => {
    const [serving, ...also] = parts.get(document) ?? []
    if (serving === undefined) throw new QuarryError('internal', 'a document without a space')
    const { item, enrichment } = document
    return { item, parts: [serving, ...also], enrichment }
  })
  const committed = await deps.catalog.work.commit(entries)
  return documents.map(({ item, bytes }, place) => {
    if (!committed.has(item.id)) return { item, kind: 'overtaken' }
    const chunks = entries[place]?.parts[0].chunks.length ?? 0
    recordUsage(item, { embedTokens: 0, documents: 1, bytes }, deps)
    deps.metrics.ingested('indexed', 1, chunks)
    return { item, kind: 'indexed', chunks }
  })
}

/** Embedded tokens are owed even when the commit is overtaken: the model was paid. */
function recordUsage(
  { tenant }: WorkItem,
  used: { readonly embedTokens: number; readonly documents: number; readonly bytes: number },
  { usage }: IngestDeps,
): void {
  if (used.embedTokens === 0 && used.documents === 0) return
  usage.record({ ...NO_USAGE, tenant, route: 'ingest', ...used })
}
