import type { Analyzer } from '../../../../src/core/analyzer.ts'
import type { Filter } from '../../../../src/core/filter.ts'
import type { Chunk, ChunkId, DocumentId } from '../../../../src/core/model.ts'
import type { LexicalSpec } from '../../../../src/core/vector-store.ts'
import { type Bitmap, countRows, fullBitmap } from '../bitmap.ts'
import type { NumberedPostings, WeightedTerm } from '../bm25/segment-postings.ts'
import { weightedTerms } from '../bm25/weighted-terms.ts'
import type { SegmentKind } from '../build/choose-kind.ts'
import type { Columns } from '../columns/open-columns.ts'
import type { DenseSegment } from '../dense/dense-segment.ts'
import { type Found, NOTHING_FOUND, type RowSearch } from '../found.ts'
import type { Deletes as FileDeletes } from '../segment/deletes.ts'
import type { Chunks } from '../segment/open-chunks.ts'
import { Deletes } from './deletes.ts'
import type { Part } from './part.ts'
import { Pins } from './pins.ts'

/** The opened parts of a segment file. */
export interface SegmentParts {
  readonly name: string
  readonly kind: SegmentKind
  readonly rows: number
  readonly bytesInMemory: number
  readonly bytesOnDisk: number
  readonly chunks: Chunks
  readonly columns: Columns
  readonly postings: NumberedPostings | null
  readonly dense: DenseSegment | null
  readonly lexical: { readonly spec: LexicalSpec; readonly analyzer: Analyzer } | null
  /** Frees the memory behind all of these. */
  readonly free: () => void
}

interface SavedDeletes {
  readonly file: string | null
  readonly version: number
  readonly count: number
}

/** Rows that no longer change, but for dying. */
export class Segment implements Part {
  readonly parts: SegmentParts
  readonly deletes: Deletes
  readonly #pins: Pins
  #killedSinceBuild: ChunkId[] | null = null
  /** Which deletes are on disk, and in which file. */
  saved: SavedDeletes = { file: null, version: 0, count: 0 }
  readonly since = undefined

  constructor(parts: SegmentParts) {
    this.parts = parts
    this.deletes = new Deletes(parts.rows, parts.postings?.termCount ?? 0)
    this.#pins = new Pins(() => {
      parts.dense?.close()
      parts.free()
    })
  }

  get end(): number {
    return this.parts.rows
  }

  get liveCount(): number {
    return this.parts.rows - this.deletes.count
  }

  get rows(): number {
    return this.parts.rows
  }

  get deadCount(): number {
    return this.deletes.count
  }

  get bytes(): number {
    return this.parts.bytesInMemory
  }

  get lengthTotal(): number {
    return (this.parts.postings?.lengthTotal ?? 0) - this.deletes.lengthTotal
  }

  get killedSinceBuild(): readonly ChunkId[] {
    return this.#killedSinceBuild ?? []
  }

  /** The rows that a builder is to leave out; from now on deaths are noted for what it builds. */
  beginBuild(): Uint32Array | null {
    this.#killedSinceBuild = []
    const { live } = this.deletes
    return live === null ? null : live.map((word) => ~word)
  }

  /** What is to be written of the deletes, as they are now; null where the file has it all. */
  takeDeletes(): {
    readonly deletes: FileDeletes
    readonly version: number
    readonly count: number
  } | null {
    const { version, count, live, lengthTotal, frequencies } = this.deletes
    if (version === this.saved.version || live === null) return null
    const rows = complement(live, this.parts.rows)
    return {
      deletes: { rows, lengthTotal, documentFrequencies: frequencies.slice() },
      version,
      count,
    }
  }

  /** Whether these are deletes of this very segment. */
  fitsDeletes({ rows, documentFrequencies }: FileDeletes): boolean {
    const { postings, rows: count } = this.parts
    const terms = documentFrequencies.length
    return rows.length === (count + 31) >>> 5 && (terms === 0 || terms === postings?.termCount)
  }

  restoreDeletes({ rows, lengthTotal, documentFrequencies }: FileDeletes, file: string): void {
    const live = complement(rows, this.parts.rows)
    const count = countRows(rows)
    this.deletes.restore({ live, count, lengthTotal, frequencies: documentFrequencies })
    this.saved = { file, version: this.deletes.version, count }
  }

  rowOf(id: ChunkId): number {
    const row = this.parts.chunks.rowOf(id)
    return row < 0 || this.deletes.isDead(row) ? -1 : row
  }

  isDead(row: number): boolean {
    return this.deletes.isDead(row)
  }

  idAt(row: number): ChunkId {
    return this.parts.chunks.idAt(row)
  }

  isBefore(row: number, other: number): boolean {
    return this.parts.chunks.isBefore(row, other)
  }

  revisionAt(row: number): number {
    return this.parts.chunks.revisionAt(row)
  }

  chunkAt(row: number): Chunk {
    return this.parts.chunks.chunkAt(row)
  }

  rowsOfDocument(documentId: DocumentId): readonly number[] {
    const { from, to } = this.parts.chunks.rowsOf(documentId)
    const rows: number[] = []
    for (let row = from; row < to; row++) if (!this.isDead(row)) rows.push(row)
    return rows
  }

  documentFrequency(term: string): number {
    const { postings } = this.parts
    if (postings === null) return 0
    const df = postings.documentFrequency(term)
    return df - this.deletes.frequencyOf(postings.termNumber(term))
  }

  kill(row: number): void {
    const { lexical, postings } = this.parts
    this.#killedSinceBuild?.push(this.idAt(row))
    if (lexical === null || postings === null) {
      this.deletes.add(row, null)
      return
    }
    const { terms, length } = weightedTerms(this.chunkAt(row), lexical.spec, lexical.analyzer)
    const numbers = Array.from(terms.keys(), (term) => postings.termNumber(term))
    this.deletes.add(row, { terms: numbers, length })
  }

  async select(
    filter: Filter | undefined,
    _end: number,
    signal: AbortSignal,
  ): Promise<Bitmap | null> {
    const { live } = this.deletes
    if (filter === undefined) return live
    const selected = await this.parts.columns.select(filter, signal)
    if (this.deletes.live === null) return selected
    return intersection(selected, this.deletes.live)
  }

  async searchDense(query: Float32Array, search: RowSearch, signal: AbortSignal): Promise<Found> {
    return (await this.parts.dense?.search(query, search, signal)) ?? NOTHING_FOUND
  }

  async searchLexical(
    terms: readonly WeightedTerm[],
    averageLength: number,
    search: RowSearch,
    signal: AbortSignal,
  ): Promise<Found> {
    const { postings } = this.parts
    if (postings === null) return NOTHING_FOUND
    return await postings.search({ terms, averageLength, ...search }, signal)
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
}

function intersection(a: Bitmap, b: Bitmap): Bitmap {
  return a.map((word, i) => word & (b[i] ?? 0))
}

function complement(bitmap: Bitmap, rows: number): Bitmap {
  return fullBitmap(rows).map((word, i) => word & ~(bitmap[i] ?? 0))
}
