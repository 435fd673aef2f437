import type {
  Chunk,
  ChunkId,
  CollectionId,
  DocumentId,
  IndexId,
  IndexRef,
  Metadata,
  SpaceId,
  TenantId,
} from '../core/model.ts'
import type { IndexSpec } from '../core/vector-store.ts'
import type { ChunkDraft, MediaType } from '../ingest/document.ts'
import type { Feed } from './change-feed.ts'
import type { Evals } from './evals.ts'
import type { GoldenQueries } from './golden-queries.ts'
import type { CollectionPolicy } from './policy.ts'
import type { WrittenContexts } from './written-contexts.ts'

/** The source of truth. Every method is one transaction, durable when it resolves. */
export interface Catalog {
  readonly keys: Keys
  readonly tenants: Tenants
  readonly collections: Collections
  readonly documents: Documents
  readonly work: Work
  readonly jobs: Jobs
  readonly feed: Feed
  readonly usage: Usage
  readonly idempotency: Idempotency
  readonly goldenQueries: GoldenQueries
  readonly evals: Evals
}

// ---- keys

export const KEY_SCOPES = ['retrieve', 'ingest', 'admin', 'eval'] as const
export type KeyScope = (typeof KEY_SCOPES)[number]

export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly scopes: readonly KeyScope[]
  /** Null for a key that acts for the tenant named in `X-Tenant-Id`. */
  readonly tenant: TenantId | null
  readonly createdAt: Date
  readonly lastUsedAt: Date | null
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
}

export interface NewKey {
  readonly name: string
  readonly scopes: readonly KeyScope[]
  readonly tenant: TenantId | null
  readonly expiresAt?: Date | null | undefined
}

export interface Keys {
  /** `secret` is the whole key (`qk_<id>_<secret><checksum>`), given out this once; only its hash is stored. */
  create(key: NewKey): Promise<{ readonly key: ApiKey; readonly secret: string }>
  /** The live key that this text is, in constant time for any wrong one; null otherwise. Notes its use. */
  authenticate(presented: string): Promise<ApiKey | null>
  list(): Promise<readonly ApiKey[]>
  /** False when there is no such live key. */
  revoke(id: string): Promise<boolean>
  /** Of all that were ever made: revoking the last one does not open the first-start door again. */
  count(): Promise<number>
}

export interface Tenants {
  list(after: string | null, count: number): Promise<readonly TenantId[]>
  /** Removes every row of the tenant and appends one `drop_tenant` change a collection; false when unknown. */
  remove(tenant: TenantId): Promise<boolean>
}

// ---- collections and what serves them

export interface Collection {
  readonly id: CollectionId
  readonly policy: CollectionPolicy
  /** The alias, followed: the index that answers now. */
  readonly serving: Index
  readonly createdAt: Date
}

export interface Index extends IndexRef {
  readonly index: IndexId
  readonly space: EmbeddingSpace
  readonly store: string
  readonly spec: IndexSpec
  readonly state: 'building' | 'live' | 'retired'
}

/** `id` is a hash of the other fields; two equal ones are one space. */
export interface EmbeddingSpace {
  readonly id: SpaceId
  /** For people: `openai/text-embedding-3-small@1:1536`. */
  readonly name: string
  /** Key of the config's `embedders`. */
  readonly embedder: string
  readonly dimensions: number
  /** Fingerprint of the chunker and its options; chunks of two chunkings never mix. */
  readonly chunking: string
}

export interface NewCollection {
  readonly id: CollectionId
  readonly policy: CollectionPolicy
  readonly space: Omit<EmbeddingSpace, 'id'> & { readonly identity: object }
  readonly store: string
  readonly spec: IndexSpec
}

export interface Collections {
  /** Makes the collection with its first index, or gives back the one that is there with `created: false`. */
  create(
    collection: NewCollection,
  ): Promise<{ readonly collection: Collection; readonly created: boolean }>
  get(id: CollectionId): Promise<Collection | null>
  list(after: CollectionId | null, count: number): Promise<readonly Collection[]>
  /** Changes what needs no re-embedding: fusion, rerank, prompt, candidates. */
  updatePolicy(id: CollectionId, policy: CollectionPolicy): Promise<Collection>
  /** Removes the collection with every tenant's documents and appends `drop_collection`; false when unknown. */
  remove(id: CollectionId): Promise<boolean>
  /** Every index that must receive changes, of every collection. */
  indexes(): Promise<readonly Index[]>
}

// ---- documents

export type DocumentState = 'queued' | 'indexed' | 'failed' | 'deleted'

export interface DocumentRow {
  readonly id: DocumentId
  readonly revision: number
  readonly state: DocumentState
  /** Why it failed, for people; null otherwise. */
  readonly reason: string | null
  readonly mediaType: MediaType
  readonly title: string | null
  readonly source: string | null
  readonly metadata: Metadata
  readonly bytes: number
  readonly contentHash: string
  readonly chunkCount: number
  /** Chunks that were indexed without the context that the policy asks for. */
  readonly plainChunkCount: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

export interface NewDocument {
  readonly id: DocumentId
  readonly content: Uint8Array
  readonly mediaType: MediaType
  readonly title: string | null
  readonly source: string | null
  readonly metadata: Metadata
  /** `If-Match`: the revision the caller believes is there, 0 for «none»; otherwise `conflict`. */
  readonly expectedRevision?: number | undefined
}

export interface StoredDocument {
  readonly row: DocumentRow
  readonly content: Uint8Array
}

export interface WriteReceipt {
  readonly id: DocumentId
  readonly revision: number
  /** `unchanged`: same content, metadata, title and source as the live revision; nothing was queued. */
  readonly outcome: 'created' | 'updated' | 'unchanged' | 'deleted' | 'absent'
  /** The place of this write in its tenant's part of the collection: compare with `settledThrough`. */
  readonly version: bigint
}

export interface Documents {
  /**
   * Stores the documents and queues their work, in one transaction. Revisions rise by one; the tenant is made on
   * its first write. `not_found` for an unknown collection. All or nothing.
   */
  put(
    tenant: TenantId,
    collection: CollectionId,
    documents: readonly NewDocument[],
  ): Promise<{ readonly jobId: string | null; readonly receipts: readonly WriteReceipt[] }>
  /** Null also for a deleted one. */
  get(tenant: TenantId, collection: CollectionId, id: DocumentId): Promise<DocumentRow | null>
  content(
    tenant: TenantId,
    collection: CollectionId,
    id: DocumentId,
  ): Promise<StoredDocument | null>
  /**
   * The first of these documents that fit into `bytesMax` together, at least one; gone ones are not among them.
   * `considered` says for how many of the ids the answer stands.
   */
  contents(
    tenant: TenantId,
    collection: CollectionId,
    ids: readonly DocumentId[],
    bytesMax: number,
  ): Promise<{
    readonly found: ReadonlyMap<DocumentId, StoredDocument>
    readonly considered: number
  }>
  list(
    tenant: TenantId,
    collection: CollectionId,
    page: {
      readonly after: DocumentId | null
      readonly count: number
      readonly state?: DocumentState | undefined
    },
  ): Promise<readonly DocumentRow[]>
  /** Removes chunks, appends the changes and leaves a tombstone that no late job can write over. */
  remove(
    tenant: TenantId,
    collection: CollectionId,
    id: DocumentId,
    expectedRevision?: number,
  ): Promise<WriteReceipt>
  /** Chunks of the serving chunking, for hits whose text is not in this process. */
  readChunks(
    tenant: TenantId,
    collection: CollectionId,
    chunking: string,
    ids: readonly ChunkId[],
  ): Promise<readonly Chunk[]>
  readNeighbours(
    tenant: TenantId,
    collection: CollectionId,
    chunking: string,
    id: DocumentId,
    from: number,
    to: number,
  ): Promise<readonly Chunk[]>
}

// ---- the worker's side

/** One document to be brought into the indexes: a row of the outbox. */
export interface WorkItem {
  readonly id: bigint
  readonly jobId: string
  readonly tenant: TenantId
  readonly collection: CollectionId
  readonly document: DocumentId
  readonly revision: number
  readonly attempts: number
}

export interface Delivery {
  readonly tenant: TenantId
  readonly collection: CollectionId
  readonly items: readonly bigint[]
}

export interface PreparedChunk extends ChunkDraft {
  /** Hash of what is embedded (context and text): equal hashes share one vector a tenant and space. */
  readonly contentHash: string
  readonly vector: Float32Array
}

/** Which chunks a commit replaces, and in which space their vectors lie. */
export interface WorkTarget {
  readonly space: SpaceId
  readonly chunking: string
  readonly title: string | null
  readonly metadata: Metadata
}

/** One document with what it gets in each embedding space that wants it, the serving one first. */
export interface CommitEntry {
  readonly item: WorkItem
  readonly parts: readonly [CommitPart, ...CommitPart[]]
  readonly enrichment?: WrittenContexts | undefined
}

export interface CommitPart {
  readonly target: WorkTarget
  readonly chunks: readonly PreparedChunk[]
}

export interface Work {
  /** Takes undelivered items, grouped by tenant and collection; they come again after `leaseMs` unless settled. */
  claim(deliveriesMax: number, itemsMax: number, leaseMs: number): Promise<readonly Delivery[]>
  /** Holds claimed items for another `leaseMs`: somebody still works on them. */
  renew(ids: readonly bigint[], leaseMs: number): Promise<void>
  /** Makes every item due now. Only for a process that is alone with the catalog: others' leases would end too. */
  recover(): Promise<void>
  /** The items still to do, with attempts raised by one; settled, cancelled and overtaken ones are left out. */
  load(ids: readonly bigint[]): Promise<readonly WorkItem[]>
  /** Of these hashes, the vectors that this tenant already has in this space. */
  knownVectors(
    tenant: TenantId,
    space: SpaceId,
    hashes: readonly string[],
  ): Promise<ReadonlyMap<string, Float32Array>>
  /** Of these hashes, what generators have written for this tenant. */
  knownContexts(tenant: TenantId, hashes: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** Keeps what a generator has written for the item's document, before its commit; nothing for a deleted one. */
  keepContexts(item: WorkItem, contexts: ReadonlyMap<string, string>): Promise<void>
  /**
   * Replaces the chunks of these documents, all of one tenant and collection, stores new vectors and appends the
   * changes, in one transaction. Gives back the ids of the items that it settled: an item is left out when its revision
   * is no longer the document's own, since a newer write or a delete overtook it.
   */
  commit(entries: readonly CommitEntry[]): Promise<ReadonlySet<bigint>>
  /** A fault that no retry mends, or the last retry: the document is `failed`, the item a dead letter with its reason. */
  bury(item: WorkItem, reason: string): Promise<void>
  /** Hands items back to be claimed again after a pause, with the reason for people. */
  release(ids: readonly bigint[], retryAfterMs: number, reason: string | null): Promise<void>
}

export interface Job {
  readonly id: string
  readonly tenant: TenantId
  readonly collection: CollectionId
  readonly state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled'
  readonly counts: {
    readonly total: number
    readonly done: number
    readonly dead: number
    readonly cancelled: number
    readonly waiting: number
  }
  readonly failures: readonly { readonly document: DocumentId; readonly reason: string }[]
  readonly createdAt: Date
  readonly finishedAt: Date | null
}

export interface Jobs {
  get(tenant: TenantId, id: string): Promise<Job | null>
  list(tenant: TenantId, after: string | null, count: number): Promise<readonly Job[]>
  /** Cancels what has not begun; its documents keep their last indexed revision's chunks. Null when unknown. */
  cancel(tenant: TenantId, id: string): Promise<Job | null>
  /** Queues a job's dead letters again. */
  retry(tenant: TenantId, id: string): Promise<Job | null>
}

// ---- usage

export interface UsageRecord {
  readonly tenant: TenantId
  readonly route: string
  readonly requests: number
  readonly embedTokens: number
  readonly rerankDocuments: number
  readonly generateInputTokens: number
  /** Of the input, what the provider had cached. */
  readonly generateCachedTokens: number
  readonly generateOutputTokens: number
  readonly documents: number
  readonly bytes: number
}

export interface Usage {
  /** Adds to the day's row of each tenant and route. */
  add(records: readonly UsageRecord[]): Promise<void>
  list(
    tenant: TenantId,
    fromDay: string,
    toDay: string,
  ): Promise<readonly (UsageRecord & { readonly day: string })[]>
}

// ---- idempotent requests

export interface RequestKey {
  readonly tenant: TenantId
  readonly route: string
  /** The `Idempotency-Key` header, at most 256 bytes. */
  readonly key: string
}

export type IdempotentStart =
  | { readonly outcome: 'new' }
  | { readonly outcome: 'replay'; readonly response: object }
  /** The first request with this key has not been answered yet. */
  | { readonly outcome: 'running' }
  /** The key was used for another request. */
  | { readonly outcome: 'mismatch' }

export interface Idempotency {
  /** `new`: answer the request, then `complete` or `abandon`. A server that dies in between frees the key by time. */
  begin(request: RequestKey, fingerprint: string): Promise<IdempotentStart>
  /** Keeps the answer, to be given again for a day. */
  complete(request: RequestKey, response: object): Promise<void>
  /** After a failure: the next request with this key starts anew. */
  abandon(request: RequestKey): Promise<void>
}
