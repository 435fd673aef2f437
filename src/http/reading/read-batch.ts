import type { NewDocument } from '../../catalog/catalog.ts'
import { QuarryError } from '../../core/errors.ts'
import { jsonOf } from '../body.ts'
import { documentOfJson } from '../document-input.ts'
import { decodeUtf8, parseJson } from '../json.ts'
import type { BatchDocument } from '../schemas/document.ts'
import { check, type Fault, refuse } from '../validate.ts'
import type { Content, ReadRules } from './read-content.ts'

/** Many documents: `{"documents": […]}`, or one JSON object a line. */
export function readBatch(content: Content, rules: ReadRules): readonly NewDocument[] {
  const isJson = content.mediaType === 'application/json'
  const documents = isJson ? readArray(content, rules) : readLines(content, rules)
  refuseTwins(documents)
  return documents
}

function readArray(content: Content, rules: ReadRules): NewDocument[] {
  const { documents } = check(rules.schemas.batchBody, jsonOf(content), 'body')
  return documents.map((document, at) => newDocument(document, rules, `/documents/${at}`))
}

function newDocument(document: BatchDocument, { limits }: ReadRules, at: string): NewDocument {
  return { id: document.id, ...documentOfJson(document, limits.documentBytes, at) }
}

function readLines({ bytes }: Content, rules: ReadRules): NewDocument[] {
  const { batchDocuments } = rules.limits
  const documents: NewDocument[] = []
  for (const [at, line] of decodeUtf8(bytes, 'the body').split('\n').entries()) {
    if (line.trim() !== '') documents.push(readLine(line, at + 1, rules))
    if (documents.length > batchDocuments)
      throw new QuarryError('invalid_request', `a batch holds at most ${batchDocuments} documents`)
  }
  if (documents.length === 0) throw new QuarryError('invalid_request', 'the body has no documents')
  return documents
}

function readLine(line: string, number: number, rules: ReadRules): NewDocument {
  try {
    const value = parseJson(line, 'the line')
    return newDocument(check(rules.schemas.batchDocument, value, 'body'), rules, '')
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

/** Which of two documents of one id would win is nothing to guess at. */
export function refuseTwins(documents: readonly NewDocument[]): void {
  const seen = new Set<string>()
  for (const { id } of documents) {
    if (seen.has(id))
      throw new QuarryError('invalid_request', `the document ${JSON.stringify(id)} is there twice`)
    seen.add(id)
  }
}
