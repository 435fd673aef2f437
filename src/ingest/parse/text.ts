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

/** Plain text as it is; its paragraphs are what blank lines part. */
export function parseText(text: string, caps: ParseCaps): ParsedDocument {
  refuseLongOutput(text.length, caps)
  const blocks: Block[] = []
  let start = -1
  let end = 0
  for (const line of linesOf(text)) {
    const blank = text.slice(line.start, line.end).trim() === ''
    if (!blank && start === -1) start = line.start
    if (!blank) end = line.end
    if (blank && start !== -1) {
      blocks.push({ kind: 'paragraph', start, end })
      start = -1
    }
  }
  if (start !== -1) blocks.push({ kind: 'paragraph', start, end })
  return { text, title: null, blocks, metadata: {} }
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
