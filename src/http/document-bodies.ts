import type { NewDocument } from '../catalog/catalog.ts'
import { checkSize, type DocumentInput, metadataOfHeader } from './document-input.ts'
import { protocolError } from './problem.ts'
import type { Reading } from './reading/open-reading.ts'
import type { BodySpec, ReceivedBody } from './route.ts'
import {
  ACCEPTED_TYPES,
  canonicalType,
  type DocumentSchemas,
  uploadForm,
} from './schemas/document.ts'

const RAW_TYPES = ACCEPTED_TYPES.filter((type) => type !== 'application/json')
export const NDJSON_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl']

/** The bodies that carry documents, within the limits in force. */
export interface DocumentBodies {
  /** A document as JSON, or as its raw bytes; those carry no title or source of their own. */
  readonly single: BodySpec<DocumentInput>
  /** Many documents: `{"documents": […]}`, or one JSON object a line. */
  readonly batch: BodySpec<readonly NewDocument[]>
  /** Files of a form. */
  readonly upload: BodySpec<readonly NewDocument[]>
}

export function documentBodies(schemas: DocumentSchemas, read: Reading): DocumentBodies {
  const bytesMax: BodySpec<unknown>['bytesMax'] = (settings) => settings.bodyBytes
  return {
    single: {
      contents: { 'application/json': schemas.documentBody, ...each(RAW_TYPES, null) },
      bytesMax,
      read: async (received) =>
        received.mediaType === 'application/json'
          ? read('document', received)
          : readRaw(received, schemas),
    },
    batch: {
      contents: {
        'application/json': schemas.batchBody,
        ...each(NDJSON_TYPES, schemas.batchDocument),
      },
      bytesMax,
      read: (received) => read('batch', received),
    },
    upload: {
      contents: { 'multipart/form-data': uploadForm },
      bytesMax,
      read: (received) => read('upload', received),
    },
  }
}

function each<T>(types: readonly string[], schema: T): Record<string, T> {
  return Object.fromEntries(types.map((type) => [type, schema]))
}

function readRaw(
  { bytes, mediaType, headers, settings }: ReceivedBody,
  schemas: DocumentSchemas,
): DocumentInput {
  const canonical = canonicalType(mediaType)
  if (canonical === undefined) throw protocolError(415, `Content-Type ${mediaType} is not parsed`)
  checkSize(bytes, settings.documentBytes)
  const metadata = metadataOfHeader(headers, schemas.metadata)
  return { content: bytes, mediaType: canonical, title: null, source: null, metadata }
}
