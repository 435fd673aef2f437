import { QuarryError } from '../../core/errors.ts'
import type { MediaType } from '../document.ts'

const BY_EXTENSION: Readonly<Record<string, MediaType>> = {
  md: 'text/markdown',
  markdown: 'text/markdown',
  mdx: 'text/markdown',
  html: 'text/html',
  htm: 'text/html',
  xhtml: 'text/html',
  json: 'application/json',
  jsonl: 'application/jsonl',
  ndjson: 'application/jsonl',
  pdf: 'application/pdf',
  txt: 'text/plain',
  text: 'text/plain',
  log: 'text/plain',
}

/** Endings of file names that tell a format, without the dot. */
export const EXTENSIONS: readonly string[] = Object.keys(BY_EXTENSION)

const MAGIC: readonly (readonly [string, string])[] = [
  ['PK\x03\x04', 'a ZIP archive or an Office document'],
  ['\xd0\xcf\x11\xe0', 'an old Office document'],
  ['\x1f\x8b', 'gzip data'],
  ['\x89PNG', 'a PNG image'],
  ['\xff\xd8\xff', 'a JPEG image'],
  ['GIF8', 'a GIF image'],
  ['\x7fELF', 'a program'],
]

const SNIFFED_BYTES = 1024

/** What a file is, by what its first bytes give away and else by its name. A format not read here is `unsupported`. */
export function detectMediaType(name: string, bytes: Uint8Array): MediaType {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, SNIFFED_BYTES))
  const start = head.toString('latin1')
  if (start.includes('%PDF-')) return 'application/pdf'
  const binary = MAGIC.find(([magic]) => start.startsWith(magic))
  if (binary !== undefined) throw unreadable(name, `it is ${binary[1]}`)
  const named = BY_EXTENSION[/\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '']
  if (named !== undefined) return named
  const utf16 = start.startsWith('\xff\xfe') || start.startsWith('\xfe\xff')
  if (!utf16 && head.includes(0)) throw unreadable(name, 'it is binary')
  return sniffText(head.toString(utf16 ? 'utf16le' : 'utf8'))
}

function sniffText(head: string): MediaType {
  const start = head.replace(/^\ufeff/, '').trimStart()
  if (/^<(?:!doctype\s+html|html[\s>])/i.test(start)) return 'text/html'
  if (/^(?:\{\s*["}]|\[\s*[[{"\]\d])/.test(start)) return 'application/json'
  return 'text/plain'
}

function unreadable(name: string, why: string): QuarryError {
  return new QuarryError(
    'unsupported',
    `"${name}" cannot be read: ${why}. Text, Markdown, HTML, JSON, JSONL and PDF can.`,
  )
}
