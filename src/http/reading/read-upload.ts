import type { NewDocument } from '../../catalog/catalog.ts'
import { QuarryError } from '../../core/errors.ts'
import type { DocumentId, Metadata } from '../../core/model.ts'
import type { MediaType } from '../../ingest/document.ts'
import { checkSize } from '../document-input.ts'
import { parseJson } from '../json.ts'
import { protocolError } from '../problem.ts'
import { documentId } from '../schemas/common.ts'
import { canonicalType, type DocumentSchemas } from '../schemas/document.ts'
import { check } from '../validate.ts'
import { refuseTwins } from './read-batch.ts'
import type { Content, ReadRules } from './read-content.ts'

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
export async function readUpload(
  content: Content,
  rules: ReadRules,
): Promise<readonly NewDocument[]> {
  const { batchDocuments, documentBytes } = rules.limits
  const form = await readForm(content)
  refuseUnknownFields(form)
  const files = form.getAll('file')
  if (files.length === 0 || files.length > batchDocuments)
    throw new QuarryError(
      'invalid_request',
      `send 1 to ${batchDocuments} files in the field "file"`,
    )
  const metadata = readMetadata(form.get('metadata'), rules.schemas.metadata)
  const source = check(rules.schemas.source.nullable(), form.get('source'), 'form field source')
  const documents: NewDocument[] = []
  for (const file of files)
    documents.push({ ...(await readFile(file, documentBytes)), source, metadata })
  refuseTwins(documents)
  return documents
}

async function readForm({ bytes, contentType }: Content): Promise<FormData> {
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

function readMetadata(value: FormValue | null, schema: DocumentSchemas['metadata']): Metadata {
  if (value === null) return {}
  if (typeof value !== 'string')
    throw new QuarryError('invalid_request', 'form: metadata must be JSON text, not a file')
  return check(schema, parseJson(value, 'metadata'), 'metadata')
}

async function readFile(
  file: FormValue,
  bytesMax: number,
): Promise<Omit<NewDocument, 'source' | 'metadata'>> {
  if (typeof file === 'string')
    throw new QuarryError('invalid_request', 'form: "file" must be a file with a name')
  const id: DocumentId = check(documentId, file.name, 'file name')
  const content = new Uint8Array(await file.arrayBuffer())
  checkSize(content, bytesMax)
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
