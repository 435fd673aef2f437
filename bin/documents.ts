import { createReadStream } from 'node:fs'
import { extname } from 'node:path'
import { QuarryError } from '../src/core/errors.ts'
import { LIMITS } from '../src/core/limits.ts'
import { detectMediaType } from '../src/ingest/parse/media-type.ts'
import type { FoundFile } from './find-files.ts'
import { documentsOfLines, looksLikeDocuments } from './jsonl.ts'
import type { Item } from './wire.ts'

/** Enough lines to tell what a text is. */
const HEAD_BYTES = 64 * 1024
const DOCUMENT_BYTES_MAX = LIMITS.documentBytes.max
const OF_LINES = new Set(['.jsonl', '.ndjson'])

/** Each file's documents; what cannot be read is a failure, and the next files go on. `onBytes` hears how far it is. */
export async function* documentsOfFiles(
  files: readonly FoundFile[],
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<Item> {
  for (const file of files) {
    try {
      const stream = counted(createReadStream(file.path), onBytes)
      const mayHoldLines = OF_LINES.has(extname(file.path).toLowerCase())
      yield* documentsOf(stream, file.id, { mayHoldLines, source: file.id })
    } catch (error) {
      yield { failure: { document: file.id, reason: reasonOf(error) } }
    }
  }
}

/** Standard input: JSONL with one document a line, or else one document. */
export async function* documentsOfInput(
  input: AsyncIterable<Buffer | string>,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<Item> {
  yield* documentsOf(refuseNothing(counted(input, onBytes)), 'stdin', { mayHoldLines: true })
}

interface Origin {
  readonly mayHoldLines: boolean
  readonly source?: string
}

async function* documentsOf(
  stream: AsyncIterable<Buffer>,
  name: string,
  { mayHoldLines, source }: Origin,
): AsyncGenerator<Item> {
  const rest = stream[Symbol.asyncIterator]()
  const { head, isWhole } = await readHead(rest, HEAD_BYTES)
  if (mayHoldLines && looksLikeDocuments(head, isWhole)) {
    yield* documentsOfLines(joined(head, rest), name)
    return
  }
  const bytes = await readAll(joined(head, rest))
  yield {
    document: {
      id: name,
      content_base64: bytes.toString('base64'),
      media_type: detectMediaType(name, bytes),
      ...(source === undefined ? {} : { source }),
    },
  }
}

/** An empty file is a document without text; nothing at all on standard input is a mistake. */
async function* refuseNothing(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0
  for await (const part of stream) {
    bytes += part.length
    yield part
  }
  if (bytes === 0) throw new QuarryError('invalid_request', 'standard input is empty')
}

/** At least `bytesMin` and one whole line, unless the stream ends before. */
async function readHead(stream: AsyncIterator<Buffer>, bytesMin: number) {
  const parts: Buffer[] = []
  let bytes = 0
  let hasLine = false
  while ((bytes < bytesMin || !hasLine) && bytes <= DOCUMENT_BYTES_MAX) {
    const { done, value } = await stream.next()
    if (done) return { head: Buffer.concat(parts), isWhole: true }
    parts.push(value)
    bytes += value.length
    hasLine ||= value.includes(0x0a)
  }
  return { head: Buffer.concat(parts), isWhole: false }
}

async function* joined(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield head
  yield* { [Symbol.asyncIterator]: () => rest }
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of stream) {
    bytes += part.length
    if (bytes > DOCUMENT_BYTES_MAX)
      throw new QuarryError(
        'payload_too_large',
        `it is larger than ${DOCUMENT_BYTES_MAX} bytes, the most a document may be set to`,
      )
    parts.push(part)
  }
  return Buffer.concat(parts)
}

async function* counted(
  stream: AsyncIterable<Buffer | string>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  for await (const part of stream) {
    onBytes(part.length)
    yield typeof part === 'string' ? Buffer.from(part) : part
  }
}

const UNREADABLE: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  ENOENT: 'the file is gone',
  EISDIR: 'it is a folder',
}

/** Only what files do wrong; anything else is a bug or an interruption. */
function reasonOf(error: unknown): string {
  if (error instanceof QuarryError) return error.message
  const code = (error as NodeJS.ErrnoException).code
  if (code === undefined || (error as NodeJS.ErrnoException).syscall === undefined) throw error
  return UNREADABLE[code] ?? (error as Error).message
}
