import { readFile, stat } from 'node:fs/promises'
import { basename, extname, relative, resolve, sep } from 'node:path'
import { glob, isDynamicPattern } from 'tinyglobby'
import { QuarryError } from '../src/core/errors.ts'
import type { DocumentOnWire } from './wire.ts'

/** Endings that a folder is searched for. A file named by itself may have any. */
const ENDINGS = ['txt', 'text', 'md', 'markdown', 'html', 'htm', 'json', 'jsonl', 'ndjson', 'pdf']
const MEDIA_TYPE_OF_ENDING: Readonly<Record<string, string>> = {
  '.txt': 'text/plain',
  '.text': 'text/plain',
  '.md': 'text/markdown',
  '.markdown': 'text/markdown',
  '.html': 'text/html',
  '.htm': 'text/html',
  '.json': 'application/json',
  '.jsonl': 'application/jsonl',
  '.ndjson': 'application/jsonl',
  '.pdf': 'application/pdf',
}

export interface FoundFile {
  readonly path: string
  /** The document's id: the path below the folder that was named, with forward slashes. */
  readonly id: string
}

/** Files behind files, folders and globs, each once, in order of their ids. */
export async function findFiles(inputs: readonly string[]): Promise<FoundFile[]> {
  const found = new Map<string, FoundFile>()
  for (const input of inputs)
    for (const file of await filesOf(input)) found.set(resolve(file.path), file)
  return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
}

async function filesOf(input: string): Promise<FoundFile[]> {
  const kind = await stat(input).catch(() => undefined)
  if (kind?.isFile()) return [{ path: input, id: basename(input) }]
  const pattern = kind?.isDirectory() ? [`**/*.{${ENDINGS.join(',')}}`] : [input]
  const cwd = kind?.isDirectory() ? input : '.'
  if (kind === undefined && !isDynamicPattern(input))
    throw new QuarryError('invalid_request', `there is no file or folder ${input}`)
  const paths = await glob(pattern, {
    cwd,
    absolute: true,
    ignore: ['**/node_modules/**', '**/.*/**'],
  })
  if (paths.length === 0) throw new QuarryError('invalid_request', `nothing to ingest in ${input}`)
  return paths.map((path) => ({ path, id: relative(resolve(cwd), path).split(sep).join('/') }))
}

/** The documents of one file: a JSONL whose first line has a `text` holds one a line, anything else is one itself. */
export async function* documentsOf(file: FoundFile): AsyncGenerator<DocumentOnWire> {
  const bytes = await readFile(file.path)
  const mediaType = MEDIA_TYPE_OF_ENDING[extname(file.path).toLowerCase()]
  if (mediaType === 'application/jsonl' && holdsDocuments(bytes)) {
    yield* documentsOfLines(bytes.toString('utf8'), file.id)
    return
  }
  yield {
    id: file.id,
    content_base64: bytes.toString('base64'),
    ...(mediaType === undefined ? {} : { media_type: mediaType }),
    source: file.id,
  }
}

/** Standard input: JSONL with one document a line, or else one document of plain text. */
export async function* documentsOfInput(
  input: AsyncIterable<Uint8Array | string>,
): AsyncGenerator<DocumentOnWire> {
  const parts: Buffer[] = []
  for await (const part of input) parts.push(Buffer.from(part))
  const bytes = Buffer.concat(parts)
  if (holdsDocuments(bytes)) yield* documentsOfLines(bytes.toString('utf8'), 'stdin')
  else yield { id: 'stdin', content_base64: bytes.toString('base64'), media_type: 'text/plain' }
}

function holdsDocuments(bytes: Buffer): boolean {
  const end = bytes.indexOf(0x0a)
  const line = bytes.subarray(0, end === -1 ? bytes.length : end).toString('utf8')
  try {
    const first: unknown = JSON.parse(line)
    return (
      typeof first === 'object' &&
      first !== null &&
      typeof (first as { text?: unknown }).text === 'string'
    )
  } catch {
    return false
  }
}

function* documentsOfLines(text: string, name: string): Generator<DocumentOnWire> {
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    yield documentOfLine(line, `${name}:${index + 1}`, `${name}#${index + 1}`)
  }
}

interface Line {
  readonly _id?: unknown
  readonly id?: unknown
  readonly text?: unknown
  readonly title?: unknown
  readonly metadata?: unknown
}

function documentOfLine(line: string, place: string, fallbackId: string): DocumentOnWire {
  let parsed: Line
  try {
    parsed = JSON.parse(line)
  } catch (cause) {
    throw new QuarryError('invalid_request', `${place} is not JSON`, { cause })
  }
  if (typeof parsed.text !== 'string')
    throw new QuarryError('invalid_request', `${place} has no "text" of type string`)
  const id = parsed.id ?? parsed._id
  return {
    id: id === undefined ? fallbackId : String(id),
    text: parsed.text,
    media_type: 'text/plain',
    ...titleOf(parsed),
    ...metadataOf(parsed),
  }
}

function titleOf({ title }: Line): { title?: string } {
  return typeof title === 'string' && title !== '' ? { title } : {}
}

function metadataOf({ metadata }: Line): { metadata?: Record<string, unknown> } {
  const given = typeof metadata === 'object' && metadata !== null
  return given && Object.keys(metadata).length > 0
    ? { metadata: metadata as Record<string, unknown> }
    : {}
}
