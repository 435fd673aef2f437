import type {
  Catalog,
  Collection,
  EmbeddingSpace,
  PreparedChunk,
  WorkItem,
  WorkTarget,
} from '../catalog/catalog.ts'
import type { Embedder } from '../core/embedder.ts'
import { QuarryError } from '../core/errors.ts'
import type { CollectionId } from '../core/model.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { UsageLedger } from '../observe/usage.ts'
import { embedWave, type WaveResult } from './embed-wave.ts'
import type { Parser } from './parse/parse-document.ts'
import { type ChunkerOf, type PreparedDocument, prepareDocument } from './prepare.ts'

export interface IngestDeps {
  readonly catalog: {
    readonly collections: Pick<Catalog['collections'], 'get' | 'indexes'>
    readonly documents: Pick<Catalog['documents'], 'content'>
    readonly work: Pick<Catalog['work'], 'knownVectors' | 'commit'>
  }
  readonly parser: Pick<Parser, 'parse'>
  /** The embedder that the config names so; throws when it names none. */
  readonly embedderFor: (name: string) => Embedder
  readonly chunkerOf: ChunkerOf
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
  // A space whose embedder is not configured fails the batch here, before anything is parsed.
  for (const space of spaces.values()) embedderFor(space.embedder)
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
  for (let at = 0; at < items.length; at += parseConcurrency) {
    const part = items.slice(at, at + parseConcurrency)
    for (const one of await Promise.all(part.map((item) => prepare(item, plan, deps, signal)))) {
      if ('kind' in one) {
        outcomes.push(one)
        continue
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
  }
  return [...outcomes, ...(await finishWave(wave, plan, deps, signal))]
}

function sizeOf({ cuts }: PreparedDocument): number {
  return [...cuts.values()].reduce((total, chunks) => total + chunks.length, 0)
}

async function prepare(
  item: WorkItem,
  { collection, spaces }: Plan,
  deps: IngestDeps,
  signal: AbortSignal,
): Promise<PreparedDocument | Outcome> {
  try {
    signal.throwIfAborted()
    const sources = { ...deps, documents: deps.catalog.documents }
    const prepared = await prepareDocument(item, collection, spaces, sources, signal)
    return prepared ?? { item, kind: 'overtaken' }
  } catch (error) {
    return { item, kind: 'failed', error }
  }
}

type Part = { readonly target: WorkTarget; readonly chunks: readonly PreparedChunk[] }

/** Embeds the wave for each space and commits each document with all its spaces at once. */
async function finishWave(
  wave: readonly PreparedDocument[],
  { spaces }: Plan,
  deps: IngestDeps,
  signal: AbortSignal,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  const parts = new Map<PreparedDocument, Part[]>(wave.map((document) => [document, []]))
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
  for (const [document, ofDocument] of parts) {
    outcomes.push(await commitDocument(document, ofDocument, deps, signal))
  }
  return outcomes
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
  const embedder = deps.embedderFor(space.embedder)
  const embedDeps = { work: deps.catalog.work, embedder, ...deps.limits }
  const results = await embedWave(cuts, first.item.tenant, space, embedDeps, signal)
  return results.flatMap((result) => {
    const document = byItem.get(result.item)
    return document === undefined ? [] : [[document, result] as const]
  })
}

async function commitDocument(
  { item, bytes }: PreparedDocument,
  [serving, ...also]: readonly Part[],
  deps: IngestDeps,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    if (serving === undefined) throw new QuarryError('internal', 'a document without a space')
    signal.throwIfAborted()
    const { target, chunks } = serving
    if (!(await deps.catalog.work.commit(item, target, chunks, also))) {
      return { item, kind: 'overtaken' }
    }
    recordUsage(item, { embedTokens: 0, documents: 1, bytes }, deps)
    deps.metrics.ingested('indexed', 1, chunks.length)
    return { item, kind: 'indexed', chunks: chunks.length }
  } catch (error) {
    return { item, kind: 'failed', error }
  }
}

/** Embedded tokens are owed even when the commit is overtaken: the model was paid. */
function recordUsage(
  { tenant }: WorkItem,
  used: { readonly embedTokens: number; readonly documents: number; readonly bytes: number },
  { usage }: IngestDeps,
): void {
  if (used.embedTokens === 0 && used.documents === 0) return
  usage.record({ tenant, route: 'ingest', requests: 0, rerankDocuments: 0, ...used })
}
