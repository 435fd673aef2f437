import { openAnalyzer } from '../../../../src/core/analysis/open-analyzer.ts'
import type { Analyzer } from '../../../../src/core/analyzer.ts'
import { QuarryError } from '../../../../src/core/errors.ts'
import type { LexicalQuery } from '../../../../src/core/lexical-index.ts'
import type { Chunk, ChunkId, DocumentId, LegResult } from '../../../../src/core/model.ts'
import type { DenseQuery, IndexedChunk, IndexSpec } from '../../../../src/core/vector-store.ts'
import type { WeightedTerm } from '../bm25/segment-postings.ts'
import type { Memory } from '../memory/memory.ts'
import { Delta } from './delta.ts'
import type { Part } from './part.ts'
import { searchParts } from './search.ts'
import type { Segment } from './segment.ts'
import { earlier, type Since } from './since.ts'

/** A search that other writes keep changing answers with what it has after so many tries. */
const TRIES = 3

/** One tenant's part of one index, in memory: segments that no longer change, and deltas that take the writes. */
export class Shard {
  readonly spec: IndexSpec
  readonly #memory: Memory
  readonly #analyzer: Analyzer | null
  #segments: readonly Segment[]
  /** Deltas that a builder is turning into segments; deletions still reach them. */
  #frozen: readonly Delta[] = []
  #active: Delta
  /** Writes that took something away, after which a paused search cannot tell what it missed. */
  #removals = 0
  /** Since when what the segments are, and what was deleted from them, is not on disk. */
  #segmentsSince: Since | undefined
  /** The same of what a save is writing down now: not on disk before it ends. */
  #savingSince: Since | undefined
  #closed = false

  constructor(spec: IndexSpec, memory: Memory, segments: readonly Segment[]) {
    this.spec = spec
    this.#memory = memory
    this.#analyzer = spec.lexical === null ? null : openAnalyzer(spec.lexical.analyzer)
    this.#segments = segments
    this.#active = this.#newDelta()
  }

  get segments(): readonly Segment[] {
    return this.#segments
  }

  get active(): Delta {
    return this.#active
  }

  get frozen(): readonly Delta[] {
    return this.#frozen
  }

  get chunkCount(): number {
    return this.#parts().reduce((sum, { liveCount }) => sum + liveCount, 0)
  }

  get bytes(): number {
    return [...this.#segments, ...this.#deltas()].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get chunksByKind(): readonly (readonly [string, number])[] {
    const deltas = this.#deltas().reduce((sum, delta) => sum + delta.liveCount, 0)
    const segments = this.#segments.map(({ parts, liveCount }) => [parts.kind, liveCount] as const)
    return deltas === 0 ? segments : [...segments, ['delta', deltas]]
  }

  /** Since when something here is not on disk; undefined where all of it is. */
  get unsavedSince(): Since | undefined {
    return earlier(this.#deltasSince(), earlier(this.#segmentsSince, this.#savingSince))
  }

  /** The vector has been checked. A lower revision than the stored one is left out; true when it was written. */
  put(chunk: IndexedChunk, position: Since): boolean {
    this.#refuseIfClosed()
    const stored = this.#locate(chunk.id)
    if (stored !== null && stored.part.revisionAt(stored.row) > chunk.revision) return false
    this.#active.add(chunk, position)
    if (stored !== null) this.#kill(stored.part, stored.row, position)
    return true
  }

  /** True when it was there. */
  delete(id: ChunkId, position: Since): boolean {
    this.#refuseIfClosed()
    const stored = this.#locate(id)
    if (stored === null) return false
    this.#kill(stored.part, stored.row, position)
    return true
  }

  get(id: ChunkId): Chunk | undefined {
    const stored = this.#locate(id)
    return stored?.part.chunkAt(stored.row)
  }

  ofDocument(documentId: DocumentId): Chunk[] {
    return this.#parts().flatMap((part) =>
      part.rowsOfDocument(documentId).map((row) => part.chunkAt(row)),
    )
  }

  /**
   * Each id once; those that stay from the first to the last turn of the listing are all there. A row that is written
   * meanwhile moves to the delta that takes the writes, so that one is looked at last, and what is new after it again.
   */
  *ids(): Generator<ChunkId> {
    const listed = new Set<ChunkId>()
    const pinned = new Set<Part>()
    try {
      for (;;) {
        const unseen = this.#parts().filter((part) => !pinned.has(part))
        if (unseen.length === 0) return
        for (const part of unseen) {
          part.pin()
          pinned.add(part)
        }
        for (const part of unseen) yield* newIds(part, listed)
      }
    } finally {
      for (const part of pinned) part.unpin()
    }
  }

  documentFrequency(term: string): number {
    return this.#parts().reduce((sum, part) => sum + part.documentFrequency(term), 0)
  }

  async searchDense(query: DenseQuery, signal: AbortSignal): Promise<LegResult> {
    return await this.#settled((parts) =>
      searchParts(
        parts,
        query,
        (part, search) => part.searchDense(query.vector, search, signal),
        signal,
      ),
    )
  }

  async searchLexical(query: LexicalQuery, signal: AbortSignal): Promise<LegResult> {
    const words = this.#analyzer?.terms(query.text) ?? []
    return await this.#settled((parts) => {
      const live = parts.reduce((sum, { liveCount }) => sum + liveCount, 0)
      const length = parts.reduce((sum, { lengthTotal }) => sum + lengthTotal, 0)
      const terms = weighted(words, parts, live)
      const average = length / Math.max(1, live)
      return searchParts(
        parts,
        query,
        (part, search) => part.searchLexical(terms, average, search, signal),
        signal,
      )
    })
  }

  /** Lets a new delta take the writes; what it gives back is to be turned into a segment. Null where there is none. */
  freeze(): Delta | null {
    if (this.#active.end === 0) return null
    const frozen = this.#active
    this.#frozen = [...this.#frozen, frozen]
    this.#active = this.#newDelta()
    return frozen
  }

  /** Puts a built segment, or nothing where all rows had died, in the place of what it was built from. */
  replace(sources: readonly (Segment | Delta)[], built: Segment | null): void {
    if (built !== null) killAgain(sources, built)
    const gone = new Set<Segment | Delta>(sources)
    for (const source of sources) this.#segmentsSince = earlier(this.#segmentsSince, source.since)
    const kept = this.#segments.filter((segment) => !gone.has(segment))
    this.#segments = built === null ? kept : [...kept, built]
    this.#frozen = this.#frozen.filter((delta) => !gone.has(delta))
    for (const source of sources) source.retire()
  }

  /** False once a source was cleared away, so that what was built from it is for nothing. */
  holds(sources: readonly (Segment | Delta)[]): boolean {
    const parts = new Set<Part>(this.#parts())
    return sources.every((source) => parts.has(source))
  }

  /** To be called when a save of the segments begins; answers since when something will be unsaved even after it. */
  saveBegins(): Since | undefined {
    this.#savingSince = this.#segmentsSince
    this.#segmentsSince = undefined
    return this.#deltasSince()
  }

  saveEnds(isSaved: boolean): void {
    if (!isSaved) this.#segmentsSince = earlier(this.#segmentsSince, this.#savingSince)
    this.#savingSince = undefined
  }

  /** Empties the shard; the emptiness is unsaved until the next save. */
  clear(position: Since): void {
    const parts = this.#parts()
    this.#removals += 1
    this.#segments = []
    this.#frozen = []
    this.#active = this.#newDelta()
    this.#segmentsSince = earlier(this.#segmentsSince, position)
    for (const part of parts) part.retire()
  }

  /** Frees the memory; later writes are refused. */
  close(): void {
    this.#closed = true
    for (const part of this.#parts()) part.retire()
  }

  #newDelta(): Delta {
    const { lexical } = this.spec
    const analyzer = this.#analyzer
    return new Delta({
      index: this.spec,
      lexical: lexical === null || analyzer === null ? null : { spec: lexical, analyzer },
      memory: this.#memory,
    })
  }

  #refuseIfClosed(): void {
    if (this.#closed) throw new QuarryError('not_found', 'the index was dropped meanwhile')
  }

  #deltasSince(): Since | undefined {
    return this.#deltas().reduce<Since | undefined>(
      (since, delta) => earlier(since, delta.since),
      undefined,
    )
  }

  #deltas(): Delta[] {
    return [...this.#frozen, this.#active]
  }

  #parts(): Part[] {
    return [...this.#segments, ...this.#deltas()]
  }

  /** The newest places first, since what is written often was written of late. */
  #locate(id: ChunkId): { readonly part: Part; readonly row: number } | null {
    for (const part of [this.#active, ...this.#frozen, ...this.#segments]) {
      const row = part.rowOf(id)
      if (row >= 0) return { part, row }
    }
    return null
  }

  #kill(part: Part, row: number, position: Since): void {
    part.kill(row)
    this.#removals += 1
    if (part !== this.#active) this.#segmentsSince = earlier(this.#segmentsSince, position)
  }

  /** Searches again when a pause let another call remove rows that might have belonged in the answer. */
  async #settled(search: (parts: readonly Part[]) => Promise<LegResult>): Promise<LegResult> {
    for (let tries = 1; ; tries++) {
      const removals = this.#removals
      const parts = this.#parts()
      for (const part of parts) part.pin()
      try {
        const found = await search(parts)
        if (removals === this.#removals || tries === TRIES) return found
      } finally {
        for (const part of parts) part.unpin()
      }
    }
  }
}

/** The part's live ids that were not listed yet. */
function* newIds(part: Part, listed: Set<ChunkId>): Generator<ChunkId> {
  for (let row = 0; row < part.end; row++) {
    if (part.isDead(row)) continue
    const id = part.idAt(row)
    if (listed.has(id)) continue
    listed.add(id)
    yield id
  }
}

/** What died while the segment was built dies in it too. */
function killAgain(sources: readonly (Segment | Delta)[], built: Segment): void {
  for (const { killedSinceBuild } of sources)
    for (const id of killedSinceBuild) {
      const row = built.rowOf(id)
      if (row >= 0) built.kill(row)
    }
}

/** Each term of the query once, in the order of first mention: idf as Lucene has it, times how often it is said. */
function weighted(words: readonly string[], parts: readonly Part[], live: number): WeightedTerm[] {
  const repeats = new Map<string, number>()
  for (const word of words) repeats.set(word, (repeats.get(word) ?? 0) + 1)
  return [...repeats].map(([term, count]) => {
    const df = parts.reduce((sum, part) => sum + part.documentFrequency(term), 0)
    return { term, weight: count * Math.log(1 + (live - df + 0.5) / (df + 0.5)) }
  })
}
