import { jsonFault } from '../src/core/json-fault.ts'
import { LIMITS } from '../src/core/limits.ts'
import type { Item } from './wire.ts'

const LINE_BYTES_MAX = LIMITS.parseLineChars.max
const NEWLINE = 0x0a
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Whether a text whose beginning this is holds one document a line: JSON objects, at least half of them with a `text`. */
export function looksLikeDocuments(head: Buffer, isWhole: boolean): boolean {
  const text = head.toString('utf8').replace(/^\ufeff/, '')
  if (!text.startsWith('{')) return false
  const lines = text.split('\n')
  if (!isWhole) lines.pop()
  const written = lines.filter((line) => line.trim() !== '')
  const documents = written.filter(isDocument).length
  return documents > 0 && documents * 2 >= written.length
}

/** The documents of JSONL, one line in memory at a time. A line that is none is a failure, and the next ones go on. */
export async function* documentsOfLines(
  source: AsyncIterable<Buffer>,
  name: string,
): AsyncGenerator<Item> {
  let number = 0
  for await (const line of linesOf(source)) {
    number += 1
    const item = itemOfLine(line, `${name}#${number}`)
    if (item === null) continue
    yield typeof item === 'string'
      ? { failure: { document: `${name} line ${number}`, reason: item } }
      : { document: item }
  }
}

/** Null for an empty line, text for what is wrong with it. */
function itemOfLine(line: Buffer | null, fallbackId: string) {
  if (line === null) return `it is longer than ${LINE_BYTES_MAX} bytes`
  let text: string
  try {
    text = utf8.decode(line).trim()
  } catch {
    return 'it is not valid UTF-8'
  }
  if (text === '') return null
  let fields: unknown
  try {
    fields = JSON.parse(text)
  } catch (cause) {
    return `it is not JSON: ${jsonFault(text, cause).replace(' line 1,', '')}`
  }
  if (!hasText(fields)) return 'it has no "text" of type string'
  return documentOf(fields, fallbackId)
}

interface Fields {
  readonly text: string
  readonly id?: unknown
  /** As in BEIR. */
  readonly _id?: unknown
  readonly [field: string]: unknown
}

/** Fields that the API takes go on as they are, for the service to judge; others stay behind. */
function documentOf(fields: Fields, fallbackId: string) {
  const id = fields.id ?? fields._id
  const optional = ['title', 'source', 'metadata'].filter(
    (field) => fields[field] !== undefined && fields[field] !== null && fields[field] !== '',
  )
  return {
    id: id === undefined || id === null ? fallbackId : String(id),
    text: fields.text,
    media_type: typeof fields['media_type'] === 'string' ? fields['media_type'] : 'text/plain',
    ...Object.fromEntries(optional.map((field) => [field, fields[field]])),
  }
}

function hasText(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && typeof (value as Fields).text === 'string'
}

function isDocument(line: string): boolean {
  try {
    return hasText(JSON.parse(line))
  } catch {
    return false
  }
}

/** Null stands for a line too long to hold. */
async function* linesOf(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer | null> {
  let parts: Buffer[] = []
  let bytes = 0
  const take = (): Buffer | null => {
    const line = bytes > LINE_BYTES_MAX ? null : Buffer.concat(parts)
    parts = []
    bytes = 0
    return line
  }
  const keep = (part: Buffer): void => {
    bytes += part.length
    if (bytes <= LINE_BYTES_MAX) parts.push(part)
    else parts = []
  }
  for await (const chunk of source) {
    let from = 0
    for (let to = chunk.indexOf(NEWLINE); to !== -1; to = chunk.indexOf(NEWLINE, from)) {
      keep(chunk.subarray(from, to))
      yield take()
      from = to + 1
    }
    keep(chunk.subarray(from))
  }
  if (bytes > 0) yield take()
}
