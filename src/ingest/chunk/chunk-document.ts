import type { Span } from '../../core/model.ts'
import type { Tokenizer } from '../../core/tokenizer.ts'
import type { ChunkDraft, ChunkerOptions, ParsedDocument } from '../document.ts'
import { BOUNDARIES } from './boundaries.ts'
import { headingPaths, tableHeader } from './outline.ts'
import { overlapStart } from './overlap.ts'
import { forceSplit, type Splitter, splitSpan } from './split.ts'

/** Rises whenever parsing or chunking gives other passages for the same document. */
const VERSION = 1

/** Names a way of chunking: passages of two fingerprints are never mixed in one index. */
export function chunkerFingerprint(options: ChunkerOptions): string {
  return `v${VERSION}-${options.tokensMax}-${options.overlapTokens}-o200k_base`
}

/**
 * Cuts a document into passages of at most `tokensMax` tokens. Without overlap they tile the text: every character
 * that is not white space is in exactly one. A heading begins a passage and stays with what follows it; a block that
 * fits is never cut. Equal input gives equal passages. Linear in the text.
 */
export function chunkDocument(
  parsed: ParsedDocument,
  options: ChunkerOptions,
  tokenizer: Tokenizer,
  title: string | null,
): ChunkDraft[] {
  const filling = new Filling(parsed, options, tokenizer, title)
  return filling.run()
}

interface Unit extends Span {
  readonly tokens: number
  readonly block: number
}

class Filling {
  readonly #parsed: ParsedDocument
  readonly #tokensMax: number
  readonly #overlapTokens: number
  /** What fills a passage, once room is kept for the overlap. */
  readonly #room: number
  readonly #splitter: Splitter
  readonly #title: string | null
  readonly #paths: readonly (readonly string[])[]
  readonly #chunks: ChunkDraft[] = []
  /** Still to be placed, the next one last. */
  readonly #pending: Unit[] = []
  #open: Unit[] = []
  #tokens = 0

  constructor(
    parsed: ParsedDocument,
    options: ChunkerOptions,
    tokenizer: Tokenizer,
    title: string | null,
  ) {
    this.#parsed = parsed
    this.#tokensMax = options.tokensMax
    this.#overlapTokens = Math.min(options.overlapTokens, Math.floor(options.tokensMax / 2))
    this.#room = this.#tokensMax - this.#overlapTokens
    this.#splitter = { text: parsed.text, tokenizer }
    this.#title = title
    this.#paths = headingPaths(parsed)
  }

  run(): ChunkDraft[] {
    for (const [block, { start, end, kind }] of this.#parsed.blocks.entries()) {
      const pieces = splitSpan(this.#splitter, { start, end }, BOUNDARIES[kind], this.#room)
      for (const piece of pieces) {
        this.#pending.push({ ...piece, block })
        this.#drain()
      }
    }
    while (this.#open.length > 0) {
      this.#close()
      this.#drain()
    }
    return this.#chunks
  }

  #push(pieces: readonly Omit<Unit, 'block'>[], block: number): void {
    for (const piece of pieces.toReversed()) this.#pending.push({ ...piece, block })
  }

  #drain(): void {
    for (let unit = this.#pending.pop(); unit !== undefined; unit = this.#pending.pop()) {
      this.#place(unit)
    }
  }

  #place(unit: Unit): void {
    const needed = unit.tokens + (this.#open.length > 0 && this.#gapBefore(unit) ? 1 : 0)
    const fits = this.#tokens + needed <= this.#room
    if (this.#open.length > 0 && (!fits || this.#beginsSection(unit))) {
      if (!this.#beginsSection(unit) && this.#splitBelowHeading(unit)) return
      this.#pending.push(unit)
      this.#close()
      return
    }
    this.#open.push(unit)
    this.#tokens += needed
  }

  /** White space that no unit holds lies before this one. */
  #gapBefore(unit: Unit): boolean {
    return this.#open.at(-1)?.end !== unit.start
  }

  #isHeading(unit: Unit | undefined): boolean {
    return unit !== undefined && this.#parsed.blocks[unit.block]?.kind === 'heading'
  }

  #beginsSection(unit: Unit): boolean {
    return this.#isHeading(unit) && !this.#isHeading(this.#open.at(-1))
  }

  /** A heading alone is no passage: prose that does not fit below it whole is cut so that its head does. */
  #splitBelowHeading(unit: Unit): boolean {
    const kind = this.#parsed.blocks[unit.block]?.kind ?? 'paragraph'
    const left = this.#room - this.#tokens - 1
    const prose = kind === 'paragraph' || kind === 'list' || kind === 'quote'
    if (!prose || !this.#isHeading(this.#open.at(-1)) || left < this.#room / 4) return false
    const pieces = [...splitSpan(this.#splitter, unit, BOUNDARIES[kind], left)]
    if (pieces.length < 2) return false
    this.#push(pieces, unit.block)
    return true
  }

  /** Makes a passage of what is open. Sums of parts are an estimate; what counts is the count of the whole. */
  #close(): void {
    const units = this.#open
    this.#open = []
    this.#tokens = 0
    for (;;) {
      const first = units[0]
      const last = units.at(-1)
      if (first === undefined || last === undefined) return
      const span = this.#trimmed(first, last)
      if (span.start >= span.end) return
      const tokens = this.#splitter.tokenizer.count(this.#parsed.text.slice(span.start, span.end))
      if (tokens <= this.#tokensMax || isCodePoint(this.#parsed.text, span)) {
        this.#emit(span, tokens, first, last)
        return
      }
      units.pop()
      if (units.length > 0) this.#pending.push(last)
      else this.#push(this.#finer(last, span), last.block)
    }
  }

  #finer(unit: Unit, span: Span): Omit<Unit, 'block'>[] {
    const kind = this.#parsed.blocks[unit.block]?.kind ?? 'paragraph'
    return [...forceSplit(this.#splitter, span, BOUNDARIES[kind], this.#room)]
  }

  /** Without white space around it, but with the indentation of a first line of code or of a list. */
  #trimmed(first: Unit, last: Unit): Span {
    const { text, blocks } = this.#parsed
    let { start } = first
    let { end } = last
    while (start < end && isSpace(text, start)) start += 1
    while (end > start && isSpace(text, end - 1)) end -= 1
    const block = blocks[first.block]
    if (block?.kind !== 'code' && block?.kind !== 'list') return { start, end }
    const line = text.lastIndexOf('\n', start - 1) + 1
    const indented = line >= first.start && text.slice(line, start).trim() === ''
    return { start: indented ? line : start, end }
  }

  #emit(own: Span, ownTokens: number, first: Unit, last: Unit): void {
    const { text, blocks } = this.#parsed
    const { span, tokens } = this.#overlapped(own, ownTokens, first)
    const headings = this.#paths[last.block] ?? []
    const titled =
      this.#title === null || headings[0] === this.#title ? headings : [this.#title, ...headings]
    const block = blocks[first.block]
    const header = block === undefined ? null : tableHeader(text, block)
    const columns = header !== null && own.start >= header.end ? [header.text] : []
    this.#chunks.push({
      ordinal: this.#chunks.length,
      span,
      text: text.slice(span.start, span.end),
      context: [titled.join(' › '), ...columns].filter((line) => line !== '').join('\n'),
      headings,
      page: block?.page ?? null,
      tokens,
    })
  }

  /** Reaches back into the passage before, within one section only. */
  #overlapped(own: Span, tokens: number, first: Unit): { span: Span; tokens: number } {
    const before = this.#chunks.at(-1)
    const path = this.#paths[first.block] ?? []
    if (this.#overlapTokens === 0 || before === undefined || this.#isHeading(first))
      return { span: own, tokens }
    if (before.headings.join('\n') !== path.join('\n')) return { span: own, tokens }
    const start = overlapStart(this.#splitter, before.span, this.#overlapTokens)
    if (start >= before.span.end) return { span: own, tokens }
    const span = { start, end: own.end }
    const whole = this.#splitter.tokenizer.count(this.#parsed.text.slice(start, own.end))
    return whole <= this.#tokensMax ? { span, tokens: whole } : { span: own, tokens }
  }
}

function isSpace(text: string, at: number): boolean {
  return text.charAt(at).trim() === ''
}

function isCodePoint(text: string, { start, end }: Span): boolean {
  return String.fromCodePoint(text.codePointAt(start) ?? 0).length >= end - start
}
