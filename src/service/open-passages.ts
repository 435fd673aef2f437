import { setTimeout as pause } from 'node:timers/promises'
import type { Collection, Collections, Index, NewCollection } from '../catalog/catalog.ts'
import { spaceIdOf, spaceIdOfProfile } from '../catalog/space-id.ts'
import type { Config } from '../config/schema.ts'
import { QuarryError } from '../core/errors.ts'
import type { Chunk, ChunkId, CollectionId, DocumentId, IndexId, TenantId } from '../core/model.ts'
import type { ReplicaEngine } from '../core/replica-engine.ts'
import type { IndexedChunk, IndexSpec } from '../core/vector-store.ts'
import { passageOf } from '../ingest/prepare.ts'
import { createCaches } from '../retrieve/cache.ts'
import type { RetrieveDeps } from '../retrieve/deps.ts'
import { createPlanner } from '../retrieve/planner.ts'
import type { RetrieveRequest, RetrieveResponse } from '../retrieve/request.ts'
import { retrieve } from '../retrieve/retrieve.ts'
import { openCollectionDesk } from './collection-desk.ts'
import type { Adapters } from './open-adapters.ts'

export interface Passage {
  readonly id: string
  readonly title: string
  readonly text: string
}

export interface PassagesOptions {
  readonly config: Config
  readonly adapters: Adapters
  readonly engine: ReplicaEngine
  /** Laid over the config's `collection_defaults`. */
  readonly policy: Readonly<Record<string, unknown>>
  readonly passages: AsyncIterable<Passage>
  /** False: no vectors are made, and the lexical leg is all there is. */
  readonly withDense: boolean
  /** Keeps every vector a second time, to be compared with one by one. */
  readonly withExact: boolean
  readonly signal: AbortSignal
  readonly onProgress?: ((passages: number) => void) | undefined
}

/** Passages that are searched as the service searches, without a catalog, ingestion or a server. */
export interface Passages {
  readonly tenant: TenantId
  readonly collection: Collection
  readonly count: number
  readonly retrieve: (request: RetrieveRequest) => Promise<RetrieveResponse>
  /** The nearest chunks as the index finds them, and by comparing with every vector; null without the latter. */
  readonly neighbours:
    | ((query: string, k: number, signal: AbortSignal) => Promise<FoundAndExact>)
    | null
}

export interface FoundAndExact {
  readonly found: readonly { readonly id: ChunkId; readonly score: number }[]
  readonly exact: readonly { readonly id: ChunkId; readonly score: number }[]
}

const TENANT = 'eval' as TenantId
const COLLECTION = 'passages' as CollectionId
const BATCH = 256

/** Fills an engine with passages, each one chunk under its title, and opens the read path over it. */
export async function openPassages(options: PassagesOptions): Promise<Passages> {
  const { config, adapters, engine } = options
  const collection = await makeCollection(options)
  const { serving } = collection
  const exact = options.withExact ? exactTwin(serving) : null
  await engine.createIndex(serving, serving.spec, options.signal)
  if (exact !== null) await engine.createIndex(exact, exact.spec, options.signal)
  const count = await fill(options, collection, exact)
  const planner = createPlanner({
    embedders: adapters.embedders,
    stores: adapters.stores,
    rerankers: adapters.rerankers,
    generators: adapters.generators,
    lexical: engine,
    chunks: engine,
    spaceOf: ({ profile }, chunking) => spaceIdOfProfile(profile, chunking),
    readCollection: async () => collection,
    limits: config.limits,
  })
  const deps: RetrieveDeps = {
    planFor: planner.planFor,
    freshness: { waitApplied: async () => true, position: (scope) => engine.positionOf(scope) },
    assemble: async () => {
      throw new QuarryError('unsupported', 'passages are searched without a prompt')
    },
    // Every answer is to cost what it costs.
    caches: createCaches({ queryCacheEntries: 0, resultCacheEntries: 0, resultCacheChars: 0 }),
  }
  return {
    tenant: TENANT,
    collection,
    count,
    retrieve: (request) => retrieve(request, deps),
    neighbours: neighboursIn(options, collection, exact),
  }
}

/** By the rules of the service, in a catalog of this one collection. */
async function makeCollection(options: PassagesOptions): Promise<Collection> {
  const { config, adapters, policy, withDense } = options
  const collections: Pick<Collections, 'create'> = {
    create: async (wanted) => ({ collection: collectionOf(wanted, withDense), created: true }),
  }
  const desk = openCollectionDesk(
    { collections: collections as Collections },
    adapters,
    config.collection_defaults,
  )
  const { collection } = await desk.create(COLLECTION, policy)
  if (adapters.stores.get(collection.serving.store)?.capabilities.residence === 'process')
    return collection
  throw new QuarryError(
    'unsupported',
    `store "${collection.serving.store}" is not in this process: evaluate a collection on it instead`,
  )
}

function collectionOf(
  { id, policy, space, store, spec }: NewCollection,
  withDense: boolean,
): Collection {
  const { identity, ...described } = space
  const serving: Index = {
    collection: id,
    index: `${id}-1` as IndexId,
    space: { ...described, id: spaceIdOf(identity) },
    store,
    spec: withDense ? spec : { ...spec, dense: null },
    state: 'live',
  }
  return { id, policy, serving, createdAt: new Date() }
}

type ExactTwin = Pick<Index, 'collection' | 'index'> & { readonly spec: IndexSpec }

/** The same vectors searched exactly; null where there are none. */
function exactTwin({ collection, spec }: Index): ExactTwin | null {
  if (spec.dense === null) return null
  const dense = { ...spec.dense, algorithm: { kind: 'flat' } as const }
  return { collection, index: `${collection}-exact` as IndexId, spec: { dense, lexical: null } }
}

async function fill(
  { config, adapters, engine, passages, signal, onProgress }: PassagesOptions,
  { serving, policy }: Collection,
  exact: ExactTwin | null,
): Promise<number> {
  const embedder = adapters.embedders.get(policy.embedder)
  let count = 0
  const write = async (batch: readonly Chunk[]): Promise<void> => {
    const embedded =
      serving.spec.dense === null
        ? null
        : await embedder?.embedPassages(batch.map(passageOf), { tenant: TENANT, signal })
    const rows: IndexedChunk[] = batch.map((chunk, at) => ({
      ...chunk,
      vector: embedded?.vectors[at] ?? null,
    }))
    await engine.upsert({ tenant: TENANT, ...refOf(serving) }, rows, signal)
    if (exact !== null) await engine.upsert({ tenant: TENANT, ...refOf(exact) }, rows, signal)
    count += batch.length
    onProgress?.(count)
  }
  for await (const batch of batches(passages)) await write(batch)
  await sealed(engine, count, config.limits.engineDeltaRows, signal)
  return count
}

/** Waits until builders have made segments of what filled more than a delta, since it is these that will be asked. */
async function sealed(
  engine: ReplicaEngine,
  count: number,
  deltaRows: number,
  signal: AbortSignal,
): Promise<void> {
  const delta = (): number =>
    engine.describe().reduce((rows, { chunksByKind }) => rows + (chunksByKind['delta'] ?? 0), 0)
  const indexes = engine.describe().length
  while (count > deltaRows && delta() > deltaRows * indexes)
    await pause(SEAL_POLL_MS, undefined, { signal })
}

const SEAL_POLL_MS = 50

function refOf({ collection, index }: Pick<Index, 'collection' | 'index'>) {
  return { collection, index }
}

async function* batches(passages: AsyncIterable<Passage>): AsyncGenerator<Chunk[]> {
  let batch: Chunk[] = []
  let serial = 0
  for await (const passage of passages) {
    // Nothing to search, nothing to embed: a document that says nothing is found by nobody.
    if (passage.text === '' && passage.title === '') continue
    batch.push(chunkOf(passage, serial++))
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

/** Serial numbers keep the order of the corpus among equal scores, whatever its ids look like. */
function chunkOf({ id, title, text }: Passage, serial: number): Chunk {
  return {
    id: `p${String(serial).padStart(9, '0')}` as ChunkId,
    documentId: id as DocumentId,
    revision: 1,
    ordinal: 0,
    span: { start: 0, end: text.length },
    text,
    context: title,
    title: title === '' ? null : title,
    headings: [],
    page: null,
    metadata: {},
  }
}

function neighboursIn(
  { adapters, engine }: PassagesOptions,
  { serving, policy }: Collection,
  exact: ExactTwin | null,
): Passages['neighbours'] {
  const embedder = adapters.embedders.get(policy.embedder)
  const store = adapters.stores.get(serving.store)
  if (exact === null || embedder === undefined || store === undefined) return null
  return async (text, k, signal) => {
    const scope = { tenant: TENANT, ...refOf(serving) }
    const statistics = await engine.statistics(scope, signal)
    const { vectors } = await embedder.embedQuery(text, { tenant: TENANT, signal, statistics })
    const [vector] = vectors
    if (vector === undefined)
      throw new QuarryError('upstream_failed', 'the embedder returned no vector for the query')
    const found = await store.searchDense(scope, { vector, k }, signal)
    const twin = { tenant: TENANT, ...refOf(exact) }
    const truly = await engine.searchDense(twin, { vector, k }, signal)
    return { found: found.candidates, exact: truly.candidates }
  }
}
