/** Identifiers are branded so that a tenant id can never be passed where a collection id belongs. */
declare const brand: unique symbol
type Id<Name extends string> = string & { readonly [brand]: Name }

export type TenantId = Id<'Tenant'>
export type CollectionId = Id<'Collection'>
export type DocumentId = Id<'Document'>
/** At most 64 bytes of ASCII, so that every store can carry it. */
export type ChunkId = Id<'Chunk'>
export type SpaceId = Id<'EmbeddingSpace'>
export type IndexId = Id<'Index'>

/** Whose data a call may touch, and in which build of which collection. No read or write goes without one. */
export interface Scope {
  readonly tenant: TenantId
  readonly collection: CollectionId
  readonly index: IndexId
}

/** One physical build of a collection, every tenant's part of it. For calls that touch no tenant's data. */
export type IndexRef = Omit<Scope, 'tenant'>

export type Scalar = string | number | boolean
export type MetadataValue = Scalar | readonly string[] | readonly number[]
export type Metadata = Readonly<Record<string, MetadataValue>>

/** UTF-16 offsets into the parsed text of the document; `end` is exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** The smallest retrievable passage, as the catalog keeps it and a hit shows it. */
export interface Chunk {
  readonly id: ChunkId
  readonly documentId: DocumentId
  /** The document's revision that this chunk was cut from. A lower one never overwrites a higher. */
  readonly revision: number
  /** Place among the chunks of its document, from 0. */
  readonly ordinal: number
  readonly span: Span
  /** What a reader sees: exactly the document's characters in `span`. */
  readonly text: string
  /** Title and heading path. Searched and embedded with the text, never shown as part of it. */
  readonly context: string
  readonly title: string | null
  readonly headings: readonly string[]
  readonly page: number | null
  /** The document's own metadata: what filters are evaluated on, beside the field `document_id`. */
  readonly metadata: Metadata
}

/** A chunk as a search leg proposes it. Higher scores are better, in every leg and store. */
export interface Candidate {
  readonly id: ChunkId
  readonly score: number
}

/** Why a filtered search returned fewer than k although more may exist. */
export interface UnderFilled {
  readonly returned: number
  readonly wanted: number
  readonly reason: 'scan_limit' | 'list_limit'
}

/** One leg's answer, best first; ties in ascending order of id. */
export interface LegResult {
  readonly candidates: readonly Candidate[]
  readonly underFilled: UnderFilled | null
}

/** A place in the change feed: the writing transaction and the row's sequence number, compared in that order. */
export interface FeedPosition {
  readonly xid: bigint
  readonly seq: bigint
}

export const FEED_START: FeedPosition = { xid: 0n, seq: 0n }

export function comparePositions(a: FeedPosition, b: FeedPosition): number {
  if (a.xid !== b.xid) return a.xid < b.xid ? -1 : 1
  if (a.seq !== b.seq) return a.seq < b.seq ? -1 : 1
  return 0
}

/** Score descending, then id ascending: the one order of every ranked list, so equal input gives equal output. */
export function byScoreThenId(a: Candidate, b: Candidate): number {
  return b.score - a.score || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}
