import { z } from 'zod'
import { isStorable } from '../../catalog/storable.ts'
import { LIMITS, type Limit, type Limits } from '../../core/limits.ts'
import type { CollectionId, DocumentId } from '../../core/model.ts'
import { TENANT_ID } from '../auth.ts'

const CONTROL = /\p{Cc}|\p{Cs}/u
const COLLECTION_ID = /^[a-z0-9][a-z0-9_-]{0,62}$/

/** Text that every part of the system can carry. */
export const text = z.string().refine(isStorable, {
  error: 'holds a NUL character or half a surrogate pair',
})

export function within(limit: Limit): z.ZodNumber {
  return z.int().min(limit.min).max(limit.max)
}

export function utf8Bytes(value: string): number {
  return Buffer.byteLength(value, 'utf8')
}

/** The brand is a type alone: a transform would hide the pattern from the API document. */
export const collectionId = z
  .string()
  .regex(COLLECTION_ID, `must match ${COLLECTION_ID.source}`)
  .describe('Name of a collection') as z.ZodType<unknown> as z.ZodType<CollectionId>

/** Normalised to NFC, so that two spellings of one name are one document. */
export const documentId = z
  .string()
  .min(1)
  .normalize('NFC')
  .refine((id) => utf8Bytes(id) <= LIMITS.documentIdBytes.max, {
    error: `is longer than ${LIMITS.documentIdBytes.max} bytes of UTF-8`,
  })
  .refine((id) => !CONTROL.test(id), { error: 'holds a control character' })
  .refine((id) => id !== '.' && id !== '..', {
    error: 'may not be "." or "..", which no URL carries',
  })
  .describe(
    'Id of a document: any Unicode without control characters, up to 256 bytes of UTF-8',
  ) as z.ZodType<unknown> as z.ZodType<DocumentId>

export const tenantId = z.string().regex(TENANT_ID, `must match ${TENANT_ID.source}`)

export const collectionParams = z.strictObject({ collection: collectionId })
export const documentParams = z.strictObject({ collection: collectionId, document: documentId })

/** A whole number in a query string. */
export function queryNumber(limit: Limit) {
  return z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .pipe(within(limit))
}

export const queryFlag = z
  .enum(['true', 'false'])
  .transform((value) => value === 'true')
  .pipe(z.boolean())

export function pageQuery({ pageSize }: Limits) {
  return z.strictObject({
    limit: queryNumber(LIMITS.pageSize).default(pageSize),
    cursor: z.string().max(1_024).optional().describe('`next_cursor` of the page before'),
  })
}

export const nextCursor = z.string().nullable().describe('Null on the last page')
export const timestamp = z.iso.datetime().describe('RFC 3339, UTC')

export const span = z
  .strictObject({ start: z.int(), end: z.int() })
  .describe('UTF-16 offsets into the parsed text; end is exclusive')
