import { isUtf8 } from 'node:buffer'
import type { Block, ParsedDocument } from '../document.ts'
import { type ParseCaps, refuseLongOutput, unparsable } from './parsed.ts'

/** Bytes to text with LF line ends: UTF-8, or UTF-16 where a byte order mark says so. Anything else is refused. */
export function decodeText(bytes: Uint8Array): string {
  const text = decode(bytes)
  if (text.includes('\0')) {
    throw unparsable(
      `is binary, not text (a NUL character at position ${text.indexOf('\0')}); its media type may be wrong`,
    )
  }
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text
}

function decode(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return decodeUtf16(bytes, 'utf-16le')
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return decodeUtf16(bytes, 'utf-16be')
  if (!isUtf8(bytes))
    throw unparsable(`is not valid UTF-8 (first bad byte at offset ${invalidUtf8At(bytes)})`)
  return new TextDecoder('utf-8').decode(bytes)
}

function decodeUtf16(bytes: Uint8Array, encoding: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch (cause) {
    throw unparsable(
      `has the byte order mark of ${encoding.toUpperCase()} but is not valid in it`,
      cause,
    )
  }
}

/** Where lenient decoding first puts a replacement character that the bytes do not spell out. */
function invalidUtf8At(bytes: Uint8Array): number {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  let offset = 0
  let from = 0
  for (;;) {
    const at = text.indexOf('\ufffd', from)
    if (at === -1) return bytes.length
    offset += Buffer.byteLength(text.slice(from, at))
    if (bytes[offset] !== 0xef || bytes[offset + 1] !== 0xbf || bytes[offset + 2] !== 0xbd)
      return offset
    offset += 3
    from = at + 1
  }
}

/** The longest line that is taken for a heading; one of prose is longer. */
const HEADING_CHARS = 60
/** Begins with a capital, a letter without case or a digit; ends in no mark but a closing one; holds no gap of a table. */
const HEADING = /^[\p{Lu}\p{Lt}\p{Lo}\p{N}](?:(?!\t| {2}).)*(?<=[\p{L}\p{M}\p{N})\]"”’»?])$/u

/**
 * Plain text as it is; its paragraphs are what blank lines part. A short line without a full stop right above a long
 * one is a heading, and the document's title when it stands alone at the top: verses, lists and addresses, whose lines
 * are all short, stay paragraphs.
 */
export function parseText(text: string, caps: ParseCaps): ParsedDocument {
  refuseLongOutput(text.length, caps)
  const blocks: Block[] = []
  for (const { first, second, end } of paragraphsOf(text)) {
    const below = second !== null && isHeading(text, first) && isProse(second)
    if (below) blocks.push({ kind: 'heading', level: 2, ...first })
    blocks.push({ kind: 'paragraph', start: below ? second.start : first.start, end })
  }
  const title = titleBlock(text, blocks)
  if (title === null) return { text, title: null, blocks, metadata: {} }
  return {
    text,
    title: text.slice(title.start, title.end).trim(),
    blocks: [{ ...title, kind: 'heading', level: 1 }, ...blocks.slice(1)],
    metadata: {},
  }
}

interface Paragraph {
  readonly first: Line
  readonly second: Line | null
  readonly end: number
}

function* paragraphsOf(text: string): Generator<Paragraph> {
  let open: Paragraph | null = null
  for (const line of linesOf(text)) {
    if (text.slice(line.start, line.end).trim() === '') {
      if (open !== null) yield open
      open = null
    } else if (open === null) open = { first: line, second: null, end: line.end }
    else open = { first: open.first, second: open.second ?? line, end: line.end }
  }
  if (open !== null) yield open
}

function isHeading(text: string, { start, end }: Line): boolean {
  return end - start <= HEADING_CHARS && HEADING.test(text.slice(start, end).trimEnd())
}

function isProse({ start, end }: Line): boolean {
  return end - start > HEADING_CHARS
}

/** A first paragraph of one line like a heading's, with more below it. */
function titleBlock(text: string, [first, second]: readonly Block[]): Block | null {
  if (first === undefined || second === undefined || first.kind === 'heading') return null
  return isHeading(text, first) ? first : null
}

export interface Line {
  readonly start: number
  /** Before the line break. */
  readonly end: number
}

export function* linesOf(text: string): Generator<Line> {
  let start = 0
  while (start < text.length) {
    const found = text.indexOf('\n', start)
    const end = found === -1 ? text.length : found
    yield { start, end }
    start = end + 1
  }
}
