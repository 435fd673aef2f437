import type { Analyzer } from '../../../src/core/analyzer.ts'
import { type Filter, matches } from '../../../src/core/filter.ts'
import type { LexicalQuery } from '../../../src/core/lexical-index.ts'
import {
  byScoreThenId,
  type Candidate,
  type Chunk,
  type ChunkId,
  type DocumentId,
} from '../../../src/core/model.ts'
import type { DenseQuery, DenseSpec, IndexedChunk } from '../../../src/core/vector-store.ts'
import { type Bm25, Postings } from './postings.ts'
import { isTurnOver, nextTurn } from './slices.ts'
import { TopK } from './top-k.ts'
import { Vectors } from './vectors.ts'

/** Rows between two looks at the clock; even the widest filter takes well under a millisecond for so many. */
const ROWS_PER_CHECK = 32
/** A search that other writes keep changing answers with what it has after so many tries. */
const TRIES = 3

export interface ShardSpec {
  readonly dense: DenseSpec | null
  readonly lexical: (Bm25 & { readonly analyzer: Analyzer }) | null
}

/**
 * One tenant's part of one index: rows of chunks, their vectors and their terms. Writes are whole rows; a search
 * may pause between rows, and sees none that was written after it began.
 */
export class Shard {
  readonly #spec: ShardSpec
  readonly #chunks: (Chunk | undefined)[] = []
  readonly #rowOf = new Map<ChunkId, number>()
  readonly #rowsOf = new Map<DocumentId, Set<number>>()
  readonly #freeRows: number[] = []
  readonly #vectors: Vectors | null
  readonly #postings: Postings | null
  /** The write that each row stems from, by number. */
  readonly #writes: number[] = []
  #lastWrite = 0
  /** Writes that took something away, after which a paused search cannot tell what it missed. */
  #removals = 0
  #textBytes = 0

  constructor(spec: ShardSpec) {
    this.#spec = spec
    this.#vectors = spec.dense === null ? null : new Vectors(spec.dense)
    this.#postings = spec.lexical === null ? null : new Postings()
  }

  get size(): number {
    return this.#rowOf.size
  }

  get bytes(): number {
    return (this.#vectors?.bytes ?? 0) + (this.#postings?.bytes ?? 0) + this.#textBytes
  }

  ids(): ChunkId[] {
    return [...this.#rowOf.keys()]
  }

  get(id: ChunkId): Chunk | undefined {
    return this.#chunks[this.#rowOf.get(id) ?? -1]
  }

  ofDocument(id: DocumentId): Chunk[] {
    const chunks: Chunk[] = []
    for (const row of this.#rowsOf.get(id) ?? []) {
      const chunk = this.#chunks[row]
      if (chunk !== undefined) chunks.push(chunk)
    }
    return chunks
  }

  documentFrequency(term: string): number {
    return this.#postings?.documentFrequency(term) ?? 0
  }

  /** The vector has been checked. A lower revision than the stored one is left out. */
  put({ vector, ...chunk }: IndexedChunk): void {
    const stored = this.get(chunk.id)
    if (stored !== undefined && stored.revision > chunk.revision) return
    if (stored !== undefined) this.delete(chunk.id)
    const row = this.#freeRows.pop() ?? this.#chunks.length
    this.#chunks[row] = chunk
    this.#writes[row] = ++this.#lastWrite
    this.#rowOf.set(chunk.id, row)
    const rows = this.#rowsOf.get(chunk.documentId)
    if (rows === undefined) this.#rowsOf.set(chunk.documentId, new Set([row]))
    else rows.add(row)
    if (vector !== null) this.#vectors?.set(row, vector)
    this.#postings?.add(row, this.#termsOf(chunk))
    this.#textBytes += textBytesOf(chunk)
  }

  delete(id: ChunkId): void {
    const row = this.#rowOf.get(id)
    const chunk = row === undefined ? undefined : this.#chunks[row]
    if (row === undefined || chunk === undefined) return
    this.#chunks[row] = undefined
    this.#removals++
    this.#rowOf.delete(id)
    const rows = this.#rowsOf.get(chunk.documentId)
    rows?.delete(row)
    if (rows?.size === 0) this.#rowsOf.delete(chunk.documentId)
    this.#postings?.remove(row, this.#termsOf(chunk))
    this.#freeRows.push(row)
    this.#textBytes -= textBytesOf(chunk)
  }

  async searchDense(query: DenseQuery, signal: AbortSignal): Promise<Candidate[]> {
    const score = this.#vectors?.scorer(query.vector)
    if (score === undefined) return []
    return this.#settled((write) => this.#best(query, write, score, signal))
  }

  async searchLexical(query: LexicalQuery, signal: AbortSignal): Promise<Candidate[]> {
    const { lexical } = this.#spec
    const postings = this.#postings
    if (lexical === null || postings === null) return []
    const terms = lexical.analyzer.terms(query.text)
    return this.#settled(async (write) => {
      const scores = await postings.score(terms, this.#chunks.length, lexical, signal)
      // No term of the query weighs nothing, so 0 means that none is there.
      return this.#best(query, write, (row) => scores[row] || Number.NaN, signal)
    })
  }

  /** Searches again when a pause let another call remove rows that might have belonged in the answer. */
  async #settled(search: (write: number) => Promise<Candidate[]>): Promise<Candidate[]> {
    for (let tries = 1; ; tries++) {
      const removals = this.#removals
      const found = await search(this.#lastWrite)
      if (removals === this.#removals || tries === TRIES) return found
    }
  }

  /** The k best of the rows that pass the filter, of those written up to `write`. NaN is no candidate. */
  async #best(
    { k, filter }: { readonly k: number; readonly filter?: Filter | undefined },
    write: number,
    score: (row: number) => number,
    signal: AbortSignal,
  ): Promise<Candidate[]> {
    const top = new TopK(k, (row, other) => this.#idAt(row) < this.#idAt(other))
    const passes = (chunk: Chunk): boolean => filter === undefined || matches(filter, chunk)
    const end = this.#chunks.length
    for (let from = 0; from < end; from += ROWS_PER_CHECK) {
      for (let row = from; row < Math.min(end, from + ROWS_PER_CHECK); row++) {
        const chunk = this.#readable(row, write)
        const points = chunk === undefined ? Number.NaN : score(row)
        if (chunk !== undefined && top.admits(points, row) && passes(chunk)) top.add(points, row)
      }
      if (isTurnOver()) await nextTurn(signal)
    }
    return this.#named(top, write)
  }

  #readable(row: number, write: number): Chunk | undefined {
    return (this.#writes[row] ?? 0) > write ? undefined : this.#chunks[row]
  }

  /** Leaves out rows that were deleted or written over after they were scored. */
  #named(top: TopK, write: number): Candidate[] {
    const candidates: Candidate[] = []
    for (const { row, score } of top.entries()) {
      const chunk = this.#readable(row, write)
      if (chunk !== undefined) candidates.push({ id: chunk.id, score })
    }
    return candidates.sort(byScoreThenId)
  }

  #idAt(row: number): string {
    return this.#chunks[row]?.id ?? ''
  }

  #termsOf(chunk: Chunk): string[] {
    const { lexical } = this.#spec
    if (lexical === null) return []
    const terms = lexical.analyzer.terms(chunk.context)
    for (const term of lexical.analyzer.terms(chunk.text)) terms.push(term)
    return terms
  }
}

function textBytesOf(chunk: Chunk): number {
  return (chunk.text.length + chunk.context.length) * 2
}
