import type { NewDocument } from '../../catalog/catalog.ts'
import { QuarryError } from '../../core/errors.ts'
import { jsonOf } from '../body.ts'
import { documentOfJson } from '../document-input.ts'
import type { BatchDocument } from '../schemas/document.ts'
import { check } from '../validate.ts'
import type { Content, ReadRules } from './read-content.ts'
import { readLines } from './read-lines.ts'

/** Many documents: `{"documents": […]}`, or one JSON object a line. */
export function readBatch(content: Content, rules: ReadRules): readonly NewDocument[] {
  const isJson = content.mediaType === 'application/json'
  const documents = isJson ? readArray(content, rules) : readDocumentLines(content, rules)
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

function readDocumentLines({ bytes }: Content, rules: ReadRules): NewDocument[] {
  const most = { countMax: rules.limits.batchDocuments, what: 'documents' }
  return readLines(bytes, most, (value) =>
    newDocument(check(rules.schemas.batchDocument, value, 'body'), rules, ''),
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
