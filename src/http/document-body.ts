import { jsonOf } from './body.ts'
import {
  checkSize,
  type DocumentInput,
  documentOfJson,
  metadataOfHeader,
} from './document-input.ts'
import { protocolError } from './problem.ts'
import type { BodySpec, ReceivedBody } from './route.ts'
import { ACCEPTED_TYPES, canonicalType, documentBody } from './schemas/document.ts'
import { check } from './validate.ts'

const RAW_TYPES = ACCEPTED_TYPES.filter((type) => type !== 'application/json')

/** A document as JSON, or as its raw bytes; those carry no title or source of their own. */
export const singleDocumentBody: BodySpec<DocumentInput> = {
  contents: {
    'application/json': documentBody,
    ...Object.fromEntries(RAW_TYPES.map((type) => [type, null])),
  },
  bytesMax: (settings) => settings.bodyBytes,
  read: (received) =>
    received.mediaType === 'application/json' ? readJson(received) : readRaw(received),
}

function readJson(received: ReceivedBody): DocumentInput {
  const body = check(documentBody, jsonOf(received), 'body')
  return documentOfJson(body, received.settings.documentBytes)
}

function readRaw({ bytes, mediaType, headers, settings }: ReceivedBody): DocumentInput {
  const canonical = canonicalType(mediaType)
  if (canonical === undefined) throw protocolError(415, `Content-Type ${mediaType} is not parsed`)
  checkSize(bytes, settings.documentBytes)
  const metadata = metadataOfHeader(headers)
  return { content: bytes, mediaType: canonical, title: null, source: null, metadata }
}
