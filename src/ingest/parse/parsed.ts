import { QuarryError } from '../../core/errors.ts'
import { RESERVED_FIELDS } from '../../core/filter.ts'
import type { Metadata, MetadataValue } from '../../core/model.ts'
import type { Block, ParsedDocument } from '../document.ts'

/** What one document may cost its parser; the process around it keeps time and memory. */
export interface ParseCaps {
  readonly outputChars: number
  readonly depth: number
  readonly pages: number
  /** Of one line of JSONL. */
  readonly lineChars: number
}

export type BlockKind = Block['kind']

export interface BlockWriter {
  /** Adds a block, apart from the one before by a blank line. White space alone is nothing. */
  add(kind: BlockKind, text: string, facts?: Pick<Block, 'level' | 'language' | 'page'>): void
  finish(title: string | null, metadata: Metadata): ParsedDocument
}

/** Builds a text and its blocks for formats whose own characters are not worth keeping. */
export function blockWriter(caps: ParseCaps): BlockWriter {
  const parts: string[] = []
  const blocks: Block[] = []
  let end = 0
  return {
    add(kind, text, facts = {}) {
      const body = trimBlock(storable(text))
      if (body === '') return
      const start = end === 0 ? 0 : end + 2
      end = start + body.length
      refuseLongOutput(end, caps)
      parts.push(body)
      blocks.push({ kind, start, end, ...facts })
    },
    finish: (title, metadata) => ({ text: parts.join('\n\n'), title, blocks, metadata }),
  }
}

/** NUL and lone surrogates, which escapes can spell but UTF-8 columns cannot hold, become U+FFFD. */
function storable(text: string): string {
  return text.replace(/[\0\p{Cs}]/gu, '\ufffd')
}

/** Keeps the indentation of the first line, which matters in code. */
function trimBlock(text: string): string {
  const body = text.trimEnd()
  let start = 0
  for (let i = 0; i < body.length; i += 1) {
    const character = body.charAt(i)
    if (character === '\n') start = i + 1
    else if (character.trim() !== '') break
  }
  return body.slice(start)
}

export function refuseLongOutput(chars: number, caps: ParseCaps): void {
  if (chars <= caps.outputChars) return
  throw unparsable(
    `holds more text than the ${caps.outputChars} characters that one document may have`,
  )
}

export function refuseDepth(depth: number, caps: ParseCaps, what: string): void {
  if (depth <= caps.depth) return
  throw unparsable(`nests ${what} deeper than the ${caps.depth} levels allowed`)
}

/** A fault of the document that no retry mends. `what` completes the sentence «The document …». */
export function unparsable(what: string, cause?: unknown): QuarryError {
  return new QuarryError('unsupported', `The document ${what}.`, { cause })
}

const NAME = /^[\p{L}_][\p{L}\p{N}_.-]{0,63}$/u
const VALUE_CHARS = 1_000
const LIST_ITEMS = 100
const FIELDS = 32

/** What a document says of itself, made fit for metadata: odd names are left out and long values cut. */
export function foundMetadata(
  entries: Iterable<readonly [string, MetadataValue | null]>,
): Metadata {
  const found: Record<string, MetadataValue> = {}
  for (const [name, value] of entries) {
    if (value === null || value === '' || !NAME.test(name) || RESERVED_FIELDS.has(name)) continue
    if (Object.keys(found).length === FIELDS) break
    found[name] = shortened(value)
  }
  return found
}

function shortened(value: MetadataValue): MetadataValue {
  if (typeof value === 'string') return cutText(value, VALUE_CHARS)
  if (typeof value !== 'object') return value
  const items = value.slice(0, LIST_ITEMS)
  return items.every((item) => typeof item === 'number')
    ? items
    : items.map((item) => cutText(String(item), VALUE_CHARS))
}

/** The first characters of a text, never half a surrogate pair. */
function cutText(text: string, chars: number): string {
  return text.length <= chars ? text : text.slice(0, chars).replace(/[\ud800-\udbff]$/, '')
}

const TITLE_CHARS = 500

/** One line, or null when nothing is left. */
export function cleanTitle(title: string | null | undefined): string | null {
  const line = cutText(
    storable(title ?? '')
      .slice(0, 4 * TITLE_CHARS)
      .replace(/\s+/g, ' ')
      .trim(),
    TITLE_CHARS,
  )
  return line === '' ? null : line
}
