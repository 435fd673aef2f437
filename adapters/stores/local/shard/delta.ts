import type { Analyzer } from '../../../../src/core/analyzer.ts'
import type { Filter } from '../../../../src/core/filter.ts'
import type { Chunk, ChunkId, DocumentId } from '../../../../src/core/model.ts'
import type { IndexedChunk, IndexSpec, LexicalSpec } from '../../../../src/core/vector-store.ts'
import { addRow, type Bitmap, emptyBitmap } from '../bitmap.ts'
import { DeltaPostings } from '../bm25/delta-postings.ts'
import type { WeightedTerm } from '../bm25/segment-postings.ts'
import type { SealJob } from '../build/job.ts'
import { selectRows } from '../columns/select-rows.ts'
import { type FlatRows, openFlatRows } from '../dense/flat-rows.ts'
import { type Found, NOTHING_FOUND, type RowSearch } from '../found.ts'
import type { Memory } from '../memory/memory.ts'
import { encodeRecord } from '../segment/record.ts'
import { DeltaLog } from './delta-log.ts'
import type { Part } from './part.ts'
import { Pins } from './pins.ts'
import { earlier, type Since } from './since.ts'

export interface DeltaSpec {
  readonly index: IndexSpec
  readonly lexical: { readonly spec: LexicalSpec; readonly analyzer: Analyzer } | null
  readonly memory: Memory
}

/** The newest rows of a shard, in the order they came. A row never changes, but for dying. */
export class Delta implements Part {
  readonly #memory: Memory
  readonly #chunks: (Chunk | undefined)[] = []
  readonly #ids: ChunkId[] = []
  readonly #rowOf = new Map<ChunkId, number>()
  readonly #rowsOf = new Map<DocumentId, Set<number>>()
  readonly #log = new DeltaLog()
  readonly #vectors: FlatRows | null
  readonly #postings: DeltaPostings | null
  readonly #pins: Pins
  #killedSinceBuild: ChunkId[] | null = null
  #since: Since | undefined
  #textBytes = 0
  /** What the memory was told of this delta's own bytes. */
  #noted = 0

  constructor({ index, lexical, memory }: DeltaSpec) {
    this.#memory = memory
    this.#vectors = index.dense === null ? null : openFlatRows(index.dense, memory)
    this.#postings = lexical === null ? null : new DeltaPostings(lexical.spec, lexical.analyzer)
    this.#pins = new Pins(() => this.#free())
  }

  get end(): number {
    return this.#ids.length
  }

  get liveCount(): number {
    return this.#rowOf.size
  }

  get lengthTotal(): number {
    return this.#postings?.lengthTotal ?? 0
  }

  /** Since when rows here are not on disk; undefined where none ever came. */
  get since(): Since | undefined {
    return this.#since
  }

  get bytes(): number {
    return this.#ownBytes() + (this.#vectors?.bytes ?? 0)
  }

  get killedSinceBuild(): readonly ChunkId[] {
    return this.#killedSinceBuild ?? []
  }

  /** The live rows for a builder; from now on deaths are noted for what it builds. */
  beginBuild(): Pick<SealJob, 'log' | 'terms'> {
    this.#killedSinceBuild = []
    const log = this.#log.rows([...this.#rowOf.values()])
    return { log, terms: this.#postings?.terms ?? null }
  }

  /** The vector has been checked. Where this throws, nothing was added. */
  add({ vector, ...chunk }: IndexedChunk, position: Since): void {
    const row = this.#ids.length
    const kept = this.#vectors === null ? null : vector
    const record = encodeRecord(chunk)
    const terms = this.#postings?.count(chunk) ?? null
    // What can fail for want of memory comes first, and postings are added as a whole or not at all.
    this.#log.makeRoom(record, terms, kept)
    this.#vectors?.makeRoom()
    if (terms !== null) this.#postings?.add(row, terms)
    if (kept !== null) this.#vectors?.append(kept)
    this.#log.append(record, terms, kept)
    this.#ids.push(chunk.id)
    this.#chunks.push(chunk)
    this.#rowOf.set(chunk.id, row)
    const rows = this.#rowsOf.get(chunk.documentId)
    if (rows === undefined) this.#rowsOf.set(chunk.documentId, new Set([row]))
    else rows.add(row)
    this.#since = earlier(this.#since, position)
    this.#textBytes += chunk.text.length
    this.#note(this.#ownBytes())
  }

  rowOf(id: ChunkId): number {
    return this.#rowOf.get(id) ?? -1
  }

  isDead(row: number): boolean {
    return this.#chunks[row] === undefined
  }

  idAt(row: number): ChunkId {
    return this.#ids[row] as ChunkId
  }

  isBefore(row: number, other: number): boolean {
    return this.idAt(row) < this.idAt(other)
  }

  revisionAt(row: number): number {
    return this.chunkAt(row).revision
  }

  chunkAt(row: number): Chunk {
    return this.#chunks[row] as Chunk
  }

  rowsOfDocument(documentId: DocumentId): readonly number[] {
    return [...(this.#rowsOf.get(documentId) ?? [])]
  }

  documentFrequency(term: string): number {
    return this.#postings?.documentFrequency(term) ?? 0
  }

  kill(row: number): void {
    const { id, documentId } = this.chunkAt(row)
    this.#killedSinceBuild?.push(id)
    this.#chunks[row] = undefined
    // A newer row of the same chunk may stand here already.
    if (this.#rowOf.get(id) === row) this.#rowOf.delete(id)
    const rows = this.#rowsOf.get(documentId)
    rows?.delete(row)
    if (rows?.size === 0) this.#rowsOf.delete(documentId)
    this.#postings?.remove(this.#log.termsOf(row))
  }

  async select(
    filter: Filter | undefined,
    end: number,
    signal: AbortSignal,
  ): Promise<Bitmap | null> {
    if (filter !== undefined)
      return await selectRows(filter, end, (row) => this.#chunks[row], signal)
    if (this.liveCount === this.end && this.end === end) return null
    const live = emptyBitmap(end)
    for (const row of this.#rowOf.values()) if (row < end) addRow(live, row)
    return live
  }

  async searchDense(query: Float32Array, search: RowSearch, signal: AbortSignal): Promise<Found> {
    return (await this.#vectors?.search(query, search, signal)) ?? NOTHING_FOUND
  }

  async searchLexical(
    terms: readonly WeightedTerm[],
    averageLength: number,
    search: RowSearch,
    signal: AbortSignal,
  ): Promise<Found> {
    const found = await this.#postings?.search({ terms, averageLength, ...search }, signal)
    return found ?? NOTHING_FOUND
  }

  pin(): void {
    this.#pins.pin()
  }

  unpin(): void {
    this.#pins.unpin()
  }

  retire(): void {
    this.#pins.retire()
  }

  /** What is not in the memory's regions: records, chunks and postings. */
  #ownBytes(): number {
    const rows = this.#ids.length * ROW_BYTES + this.#textBytes
    return this.#log.bytes + rows + (this.#postings?.bytes ?? 0)
  }

  #note(bytes: number): void {
    this.#memory.note(bytes - this.#noted)
    this.#noted = bytes
  }

  #free(): void {
    this.#vectors?.free()
    this.#note(0)
  }
}

/** Of a chunk's object and its entries in the maps beside, about. */
const ROW_BYTES = 600
/** Of a record, the chunk's own text and its postings, about, for each character of the text. */
const BYTES_PER_CHARACTER = 5

/** About what a chunk will take in a delta beside the block of its vector. */
export function deltaBytesOf({ text, vector }: IndexedChunk): number {
  return ROW_BYTES + text.length * BYTES_PER_CHARACTER + (vector?.byteLength ?? 0)
}
