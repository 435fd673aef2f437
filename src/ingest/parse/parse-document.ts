import { setMaxListeners } from 'node:events'
import { QuarryError } from '../../core/errors.ts'
import type { Limits } from '../../core/limits.ts'
import { type DocumentToParse, type ParseResult, ParserChild } from './parser-child.ts'

export type { DocumentToParse, ParseResult } from './parser-child.ts'

export type ParserLimits = Pick<
  Limits,
  | 'parseChildren'
  | 'documentBytes'
  | 'parseMs'
  | 'parseOutputChars'
  | 'parseDepth'
  | 'parsePages'
  | 'parseLineChars'
  | 'parseMemoryMiB'
  | 'chunksPerDocument'
>

export interface ParserOptions extends ParserLimits {
  /** Documents after which a child is replaced, so that a slow leak in a parser never adds up. */
  readonly documentsPerChild?: number | undefined
}

const DOCUMENTS_PER_CHILD = 10_000

/** Reads and chunks documents in processes of their own: whatever a document does to its parser, this process goes on. */
export interface Parser {
  /**
   * `unsupported` (no retry helps) when the document is at fault or passes a limit, `payload_too_large` when it is too
   * long to begin with, `unavailable` when no child can be had; the signal's reason when aborted.
   */
  parse(document: DocumentToParse, signal: AbortSignal): Promise<ParseResult>
  /** Ends the children; documents under way fail as `unavailable`. */
  close(): void
}

/** Children start with the first document and stay warm. */
export function openParser(options: ParserOptions): Parser {
  const pool = new Pool(options)
  return { parse: (document, signal) => pool.parse(document, signal), close: () => pool.close() }
}

class Pool {
  readonly #options: ParserOptions
  readonly #free: Slot[] = []
  readonly #slots: readonly Slot[]
  readonly #waiting: ((slot: Slot) => void)[] = []
  #closed = false

  constructor(options: ParserOptions) {
    this.#options = options
    this.#slots = Array.from({ length: options.parseChildren }, () => new Slot(options))
    this.#free.push(...this.#slots)
  }

  async parse(document: DocumentToParse, signal: AbortSignal): Promise<ParseResult> {
    const { documentBytes } = this.#options
    if (document.content.length > documentBytes) {
      throw new QuarryError(
        'payload_too_large',
        `The document has ${document.content.length} bytes; ${documentBytes} are allowed.`,
      )
    }
    const slot = await this.#take(signal)
    try {
      this.#refuseClosed()
      return await slot.parse(document, signal)
    } finally {
      this.#release(slot)
    }
  }

  close(): void {
    this.#closed = true
    for (const slot of this.#slots) slot.close()
  }

  #refuseClosed(): void {
    if (this.#closed) throw new QuarryError('unavailable', 'the parser is closed')
  }

  async #take(signal: AbortSignal): Promise<Slot> {
    signal.throwIfAborted()
    this.#refuseClosed()
    const free = this.#free.pop()
    if (free !== undefined) return free
    // One signal may stand for a whole batch, each document of which waits here.
    setMaxListeners(0, signal)
    return new Promise((resolve, reject) => {
      const turn = (slot: Slot): void => {
        signal.removeEventListener('abort', onAbort)
        resolve(slot)
      }
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(turn)
    })
  }

  #release(slot: Slot): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free.push(slot)
    else next(slot)
  }
}

/** The place of one child in the pool, refilled as soon as it falls empty. */
class Slot {
  readonly #options: ParserOptions
  #child: Promise<ParserChild> | null = null
  #closed = false

  constructor(options: ParserOptions) {
    this.#options = options
  }

  async parse(document: DocumentToParse, signal: AbortSignal): Promise<ParseResult> {
    const child = await this.#warm()
    signal.throwIfAborted()
    try {
      return await child.parse(document, signal)
    } finally {
      this.#replaceWornOut(child)
    }
  }

  close(): void {
    this.#closed = true
    // A start that failed has nothing to end.
    this.#child?.then((child) => child.kill()).catch(() => {})
    this.#child = null
  }

  /** An idle child may have been killed from outside; one that is gone is started anew. */
  async #warm(): Promise<ParserChild> {
    try {
      const child = await this.#child
      if (child?.alive) return child
      this.#child = this.#start()
      return await this.#child
    } catch (error) {
      this.#child = null
      throw error
    }
  }

  #replaceWornOut(child: ParserChild): void {
    if (child.alive && child.documents < (this.#options.documentsPerChild ?? DOCUMENTS_PER_CHILD))
      return
    child.kill()
    this.#child = this.#closed ? null : this.#start()
    // Nobody awaits this start yet; the next document does, and is told.
    this.#child?.catch(() => {})
  }

  #start(): Promise<ParserChild> {
    const options = this.#options
    const caps = {
      outputChars: options.parseOutputChars,
      depth: options.parseDepth,
      pages: options.parsePages,
      lineChars: options.parseLineChars,
    }
    return ParserChild.start(
      { caps, chunksMax: options.chunksPerDocument },
      { parseMs: options.parseMs, memoryMiB: options.parseMemoryMiB },
    )
  }
}
