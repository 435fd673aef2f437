import { z } from 'zod'
import { LIMITS, type Limits } from '../../core/limits.ts'
import { MEDIA_TYPES, type MediaType } from '../../ingest/document.ts'
import { documentId, nextCursor, queryFlag, queryNumber, text, timestamp } from './common.ts'
import { type MetadataLimits, metadataAnswer, metadataSchema } from './metadata.ts'

/** Other names in use for the types that are parsed. */
const ALIASES: ReadonlyMap<string, MediaType> = new Map([
  ['text/x-markdown', 'text/markdown'],
  ['application/xhtml+xml', 'text/html'],
  ['application/x-ndjson', 'application/jsonl'],
  ['application/ndjson', 'application/jsonl'],
  ['application/x-jsonlines', 'application/jsonl'],
])

/** What a document may be sent as, by its canonical or another known name. */
export const ACCEPTED_TYPES: readonly string[] = [...MEDIA_TYPES, ...ALIASES.keys()]

export function canonicalType(mediaType: string): MediaType | undefined {
  return ALIASES.get(mediaType) ?? MEDIA_TYPES.find((known) => known === mediaType)
}

export type DocumentLimits = MetadataLimits &
  Pick<Limits, 'titleChars' | 'sourceChars' | 'batchDocuments'>

/** What a document may be sent as, within the limits in force. */
export function documentSchemas(limits: DocumentLimits) {
  const title = text.max(limits.titleChars)
  const source = text.max(limits.sourceChars).describe('Where it came from: a URL, a path')
  const metadata = metadataSchema(limits)
  const content = {
    text: z.string().optional().describe('The content, when it is text'),
    content_base64: z.string().optional().describe('The content, when it is bytes'),
    media_type: z.enum(ACCEPTED_TYPES).optional().describe('text/plain for `text` unless given'),
    title: title.nullable().optional(),
    source: source.nullable().optional(),
    metadata: metadata.optional(),
  }
  const documentBody = z
    .strictObject(content)
    .refine(hasOneContent, { error: 'needs exactly one of "text" and "content_base64"' })
  const batchDocument = z
    .strictObject({ id: documentId, ...content })
    .refine(hasOneContent, { error: 'needs exactly one of "text" and "content_base64"' })
  return {
    source,
    metadata,
    documentBody,
    batchDocument,
    batchBody: z.strictObject({
      documents: z.array(batchDocument).min(1).max(limits.batchDocuments),
    }),
    putQuery: z.strictObject({
      ...waitQuery,
      title: title.optional().describe('Of a raw body'),
      source: source.optional().describe('Of a raw body'),
    }),
  }
}

export type DocumentSchemas = ReturnType<typeof documentSchemas>
export type DocumentBody = z.output<DocumentSchemas['documentBody']>
export type BatchDocument = z.output<DocumentSchemas['batchDocument']>
export type PutQuery = z.output<DocumentSchemas['putQuery']>

function hasOneContent(body: {
  text?: string | undefined
  content_base64?: string | undefined
}): boolean {
  return (body.text === undefined) !== (body.content_base64 === undefined)
}

export const waitQuery = {
  wait: z.literal('indexed').optional().describe('Answer once the write is searchable'),
  wait_ms: queryNumber(LIMITS.waitIndexedMs).optional().describe('At most this long'),
}

export const getQuery = z.strictObject({ content: queryFlag.optional() })

const STATES = ['queued', 'indexed', 'failed', 'deleted'] as const

const receipt = {
  id: z.string(),
  revision: z.int(),
  outcome: z.enum(['created', 'updated', 'unchanged', 'deleted', 'absent']),
  version: z.string().describe('For `min_version` of a retrieval'),
}

export const writeAnswer = z.strictObject({
  ...receipt,
  state: z.enum(STATES),
  reason: z.string().nullable().describe('Why it failed'),
  job_id: z.string().nullable(),
})

export const deleteAnswer = z.strictObject(receipt)

export const batchAnswer = z.strictObject({
  job_id: z.string().nullable(),
  version: z.string().describe('Of the last of them'),
  indexed: z.boolean().describe('Whether all of them are settled: searchable, or failed'),
  documents: z.array(z.strictObject(receipt)),
})

export const documentAnswer = z.strictObject({
  id: z.string(),
  revision: z.int(),
  state: z.enum(STATES),
  reason: z.string().nullable(),
  media_type: z.enum(MEDIA_TYPES),
  title: z.string().nullable(),
  source: z.string().nullable(),
  metadata: metadataAnswer,
  bytes: z.int(),
  content_hash: z.string(),
  chunks: z.int(),
  chunks_without_context: z
    .int()
    .describe(
      'Indexed without what a generator should have written; the next write of the same text tries again',
    ),
  created_at: timestamp,
  updated_at: timestamp,
  text: z.string().optional().describe('With `?content=true`, when it is UTF-8'),
  content_base64: z.string().optional().describe('With `?content=true`, when it is not'),
})

export const documentList = z.strictObject({
  documents: z.array(documentAnswer),
  next_cursor: nextCursor,
})

export const stateQuery = z.enum(['queued', 'indexed', 'failed'])

/** For the API document; a form is read field by field. */
export const uploadForm = z.strictObject({
  file: z.array(z.string()).min(1).describe('Files; the name of each is its document id'),
  metadata: z.string().optional().describe('JSON object, for all files'),
  source: z.string().optional().describe('For all files'),
})
