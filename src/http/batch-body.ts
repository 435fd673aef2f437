import type { NewDocument } from '../catalog/catalog.ts'
import { QuarryError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { jsonOf } from './body.ts'
import { documentOfJson } from './document-input.ts'
import { decodeUtf8, parseJson } from './json.ts'
import type { BodySpec, ReceivedBody } from './route.ts'
import { type BatchDocument, batchBody, batchDocument } from './schemas/document.ts'
import { check, type Fault, refuse } from './validate.ts'

const NDJSON_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl']
/** Parsing gives way to other requests after this many lines. */
const LINES_AT_ONCE = 16

/** Many documents: `{"documents": […]}`, or one JSON object a line. */
export const batchDocumentsBody: BodySpec<readonly NewDocument[]> = {
  contents: {
    'application/json': batchBody,
    ...Object.fromEntries(NDJSON_TYPES.map((type) => [type, batchDocument])),
  },
  bytesMax: (settings) => settings.bodyBytes,
  read: async (received) => {
    const documents =
      received.mediaType === 'application/json' ? readArray(received) : await readLines(received)
    refuseTwins(documents)
    return documents
  },
}

function readArray(received: ReceivedBody): NewDocument[] {
  const { documents } = check(batchBody, jsonOf(received), 'body')
  return documents.map((document, at) => newDocument(document, received, `/documents/${at}`))
}

function newDocument(document: BatchDocument, { settings }: ReceivedBody, at: string): NewDocument {
  return { id: document.id, ...documentOfJson(document, settings.documentBytes, at) }
}

async function readLines(received: ReceivedBody): Promise<NewDocument[]> {
  const lines = decodeUtf8(received.bytes, 'the body').split('\n')
  const documents: NewDocument[] = []
  for (const [at, line] of lines.entries()) {
    if (at % LINES_AT_ONCE === LINES_AT_ONCE - 1) await new Promise(setImmediate)
    if (line.trim() !== '') documents.push(readLine(line, at + 1, received))
    if (documents.length > LIMITS.batchDocuments.default) throw tooMany()
  }
  if (documents.length === 0) throw new QuarryError('invalid_request', 'the body has no documents')
  return documents
}

function readLine(line: string, number: number, received: ReceivedBody): NewDocument {
  try {
    const value = parseJson(line, 'the line')
    return newDocument(check(batchDocument, value, 'body'), received, '')
  } catch (error) {
    if (!(error instanceof QuarryError) || error.code !== 'invalid_request') throw error
    throw atLine(error, number)
  }
}

function atLine(error: QuarryError, line: number): QuarryError {
  const { errors } = error.details
  const faults = Array.isArray(errors)
    ? (errors as Fault[])
    : [{ pointer: '', detail: error.message }]
  return refuse(
    faults.map((fault) => ({ ...fault, line })),
    'body',
  )
}

function tooMany(): QuarryError {
  return new QuarryError(
    'invalid_request',
    `a batch holds at most ${LIMITS.batchDocuments.default} documents`,
  )
}

/** Which of two documents of one id would win is nothing to guess at. */
export function refuseTwins(documents: readonly NewDocument[]): void {
  const seen = new Set<string>()
  for (const { id } of documents) {
    if (seen.has(id))
      throw new QuarryError('invalid_request', `the document ${JSON.stringify(id)} is there twice`)
    seen.add(id)
  }
}
