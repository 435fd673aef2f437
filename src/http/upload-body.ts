import type { NewDocument } from '../catalog/catalog.ts'
import { QuarryError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { DocumentId, Metadata } from '../core/model.ts'
import type { MediaType } from '../ingest/document.ts'
import { refuseTwins } from './batch-body.ts'
import { checkSize } from './document-input.ts'
import { parseJson } from './json.ts'
import { protocolError } from './problem.ts'
import type { BodySpec, ReceivedBody } from './route.ts'
import { documentId } from './schemas/common.ts'
import { canonicalType, source as sourceSchema, uploadForm } from './schemas/document.ts'
import { metadata as metadataSchema } from './schemas/metadata.ts'
import { check } from './validate.ts'

const BY_EXTENSION: ReadonlyMap<string, MediaType> = new Map([
  ['txt', 'text/plain'],
  ['text', 'text/plain'],
  ['md', 'text/markdown'],
  ['markdown', 'text/markdown'],
  ['html', 'text/html'],
  ['htm', 'text/html'],
  ['json', 'application/json'],
  ['jsonl', 'application/jsonl'],
  ['ndjson', 'application/jsonl'],
  ['pdf', 'application/pdf'],
])

type FormValue = File | string

const FIELDS = new Set(['file', 'metadata', 'source'])

/** Files of a form: each becomes the document of its file name; `metadata` and `source` apply to all. */
export const uploadBody: BodySpec<readonly NewDocument[]> = {
  contents: { 'multipart/form-data': uploadForm },
  bytesMax: (settings) => settings.bodyBytes,
  read: async (received) => {
    const form = await readForm(received)
    refuseUnknownFields(form)
    const files = form.getAll('file')
    if (files.length === 0 || files.length > LIMITS.batchDocuments.default)
      throw new QuarryError(
        'invalid_request',
        `send 1 to ${LIMITS.batchDocuments.default} files in the field "file"`,
      )
    const metadata = readMetadata(form.get('metadata'))
    const source = check(sourceSchema.nullable(), form.get('source'), 'form field source')
    const documents: NewDocument[] = []
    for (const file of files)
      documents.push({ ...(await readFile(file, received)), source, metadata })
    refuseTwins(documents)
    return documents
  },
}

async function readForm({ bytes, contentType }: ReceivedBody): Promise<FormData> {
  try {
    return await new Response(bytes, { headers: { 'content-type': contentType } }).formData()
  } catch (cause) {
    throw new QuarryError('invalid_request', 'the body is not valid multipart/form-data', { cause })
  }
}

function refuseUnknownFields(form: FormData): void {
  for (const name of form.keys())
    if (!FIELDS.has(name))
      throw new QuarryError(
        'invalid_request',
        `form: no field ${JSON.stringify(name.slice(0, 64))}; known are ${[...FIELDS].join(', ')}`,
      )
}

function readMetadata(value: FormValue | null): Metadata {
  if (value === null) return {}
  if (typeof value !== 'string')
    throw new QuarryError('invalid_request', 'form: metadata must be JSON text, not a file')
  return check(metadataSchema, parseJson(value, 'metadata'), 'metadata')
}

async function readFile(
  file: FormValue,
  { settings }: ReceivedBody,
): Promise<Omit<NewDocument, 'source' | 'metadata'>> {
  if (typeof file === 'string')
    throw new QuarryError('invalid_request', 'form: "file" must be a file with a name')
  const id: DocumentId = check(documentId, file.name, 'file name')
  const content = new Uint8Array(await file.arrayBuffer())
  checkSize(content, settings.documentBytes)
  return { id, content, mediaType: fileType(file), title: null }
}

/** What the form says, unless it only says «bytes»: then what the name ends in. */
function fileType(file: File): MediaType {
  const stated = canonicalType(file.type.split(';')[0]?.trim().toLowerCase() ?? '')
  const extension = /\.([a-z]+)$/i.exec(file.name)?.[1]?.toLowerCase() ?? ''
  const type = stated ?? BY_EXTENSION.get(extension)
  if (type === undefined)
    throw protocolError(415, `the type of ${JSON.stringify(file.name)} is not parsed`)
  return type
}
