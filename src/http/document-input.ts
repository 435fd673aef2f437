import type { z } from 'zod'
import type { NewDocument } from '../catalog/catalog.ts'
import { QuarryError } from '../core/errors.ts'
import type { DocumentId, Metadata } from '../core/model.ts'
import type { MediaType } from '../ingest/document.ts'
import { decodeUtf8, parseJson } from './json.ts'
import { canonicalType, type DocumentBody } from './schemas/document.ts'
import { check, refuse } from './validate.ts'

export type DocumentInput = Omit<NewDocument, 'id' | 'expectedRevision'>

/** A document as JSON: `text`, or bytes as base64. `at`: the JSON pointer of the document in the body. */
export function documentOfJson(body: DocumentBody, bytesMax: number, at = ''): DocumentInput {
  const content =
    body.text === undefined
      ? decodeBase64(body.content_base64 ?? '', `${at}/content_base64`)
      : new TextEncoder().encode(body.text)
  checkSize(content, bytesMax)
  return {
    content,
    mediaType: typeOf(body, `${at}/media_type`),
    title: body.title ?? null,
    source: body.source ?? null,
    metadata: body.metadata ?? {},
  }
}

export function checkSize(content: Uint8Array, bytesMax: number): void {
  if (content.byteLength > bytesMax)
    throw new QuarryError('payload_too_large', `a document is larger than ${bytesMax} bytes`)
}

function typeOf({ text, media_type }: DocumentBody, pointer: string): MediaType {
  const type = media_type === undefined && text !== undefined ? 'text/plain' : media_type
  const canonical = type === undefined ? undefined : canonicalType(type)
  if (canonical === undefined)
    throw refuse([{ pointer, detail: 'is needed with "content_base64"' }], 'body')
  return canonical
}

/** Node skips what is not base64; a decoded length short of what was sent gives that away. */
function decodeBase64(text: string, pointer: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64')
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const expected = Math.floor(((text.length - padding) * 3) / 4)
  if (bytes.byteLength !== expected) throw refuse([{ pointer, detail: 'is not base64' }], 'body')
  return bytes
}

export const METADATA_HEADER = 'X-Quarry-Metadata'

/** Metadata of a raw body: JSON in a header, whose bytes are UTF-8. */
export function metadataOfHeader(headers: Headers, schema: z.ZodType<Metadata>): Metadata {
  const value = headers.get(METADATA_HEADER)
  if (value === null) return {}
  const json = decodeUtf8(Buffer.from(value, 'latin1'), METADATA_HEADER)
  return check(schema, parseJson(json, METADATA_HEADER), METADATA_HEADER)
}

/** Which revision must be there for the write to happen: from `If-Match: "3"`, or `If-None-Match: *` for none. */
export function expectedRevision(headers: Headers): number | undefined {
  const ifMatch = headers.get('if-match')
  const ifNoneMatch = headers.get('if-none-match')
  if (ifMatch !== null && ifNoneMatch !== null)
    throw new QuarryError('invalid_request', 'send If-Match or If-None-Match, not both')
  if (ifNoneMatch !== null && ifNoneMatch !== '*')
    throw new QuarryError('invalid_request', 'If-None-Match must be *')
  if (ifNoneMatch !== null) return 0
  if (ifMatch === null) return undefined
  const revision = /^"(\d{1,9})"$/.exec(ifMatch)?.[1]
  if (revision === undefined)
    throw new QuarryError('invalid_request', 'If-Match must be one revision in quotes: "3"')
  return Number(revision)
}

export function documentPath(collection: string, id: DocumentId): string {
  return `/v1/collections/${collection}/documents/${encodeURIComponent(id)}`
}
