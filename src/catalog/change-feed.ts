import type {
  Chunk,
  ChunkId,
  CollectionId,
  FeedPosition,
  IndexId,
  SpaceId,
  TenantId,
} from '../core/model.ts'

export type ChangeOp = 'upsert' | 'delete' | 'drop_tenant' | 'drop_collection'

export interface Change {
  readonly position: FeedPosition
  readonly op: ChangeOp
  readonly collection: CollectionId
  /** Null for `drop_collection`. */
  readonly tenant: TenantId | null
  /** Empty for the drops, which reach every chunking. */
  readonly chunking: string
  readonly chunk: ChunkId | null
  readonly revision: number
}

export interface Feed {
  /**
   * The next changes after a position, in order, never past the oldest running transaction: sequence numbers commit
   * out of order, and a reader that ran ahead would skip the late ones for ever.
   */
  read(after: FeedPosition, count: number): Promise<readonly Change[]>
  /** Where a reader that starts now and loads all chunks first may begin. */
  horizon(): Promise<FeedPosition>
  /** The chunks behind these changes as they are now, with their vectors; those deleted since are left out. */
  loadChunks(
    tenant: TenantId,
    collection: CollectionId,
    chunking: string,
    space: SpaceId,
    ids: readonly ChunkId[],
  ): Promise<readonly LoadedChunk[]>
  /** Every live chunk of an index, by tenant and id, for a replica that starts from nothing. */
  scan(
    collection: CollectionId,
    chunking: string,
    space: SpaceId,
    after: { readonly tenant: TenantId; readonly chunk: ChunkId } | null,
    count: number,
  ): Promise<readonly LoadedChunk[]>
  /** Whether all writes up to `version` are settled, and the newest position of this part of the feed. */
  settled(
    tenant: TenantId,
    collection: CollectionId,
    version: bigint,
  ): Promise<{ readonly settled: boolean; readonly position: FeedPosition }>
  /** The cursor of a shared store's applier; FEED_START at first. */
  appliedPosition(index: IndexId): Promise<FeedPosition>
  /** Moves it on, only forward and only for the holder of the applier's lease. */
  advance(index: IndexId, position: FeedPosition, lease: string): Promise<boolean>
  /** Takes or renews the right to apply to a shared store; false while another holds it. */
  lease(index: IndexId, holder: string, leaseMs: number): Promise<boolean>
}

export interface LoadedChunk extends Chunk {
  readonly tenant: TenantId
  readonly vector: Float32Array
}
