import { z } from 'zod'
import { GOLDEN_SOURCES, type NewGoldenQuery } from '../../catalog/golden-queries.ts'
import { LIMITS, type Limits } from '../../core/limits.ts'
import {
  collectionId,
  documentId,
  nextCursor,
  pageQuery,
  text,
  timestamp,
  utf8Bytes,
} from './common.ts'

export type GoldenLimits = Pick<Limits, 'queryBytes' | 'goldenJudgments' | 'goldenImport'>

const TAG_CHARS_MAX = 64

const tag = text.min(1).max(TAG_CHARS_MAX)
const source = z.enum(GOLDEN_SOURCES)
/** The same rules as for documents, for the same reason: both stand in a path. */
const goldenId = documentId as z.ZodType<unknown> as z.ZodType<string>
const retrievalId = text.min(1).max(128)

/** What golden queries may be sent as, within the limits in force. */
export function goldenSchemas({ queryBytes, goldenJudgments, goldenImport }: GoldenLimits) {
  const query = text
    .refine((value) => value.trim() !== '', { error: 'is empty' })
    .refine((value) => utf8Bytes(value) <= queryBytes, {
      error: `is longer than ${queryBytes} bytes of UTF-8`,
    })
    .describe('The question as users ask it')
  const judged = documentId as z.ZodType<unknown> as z.ZodType<string, string>
  const grades = z.record(judged, z.int().min(0).max(LIMITS.goldenGrade.max))
  const relevant = z
    .union([grades, z.array(judged).transform(allRelevant).pipe(grades)], {
      error: 'must be {"<document id>": grade}, or an array of document ids',
    })
    .refine((given) => Object.keys(given).length > 0, { error: 'judges no document' })
    .refine((given) => Object.keys(given).length <= goldenJudgments, {
      error: `judges more than ${goldenJudgments} documents`,
    })
    .describe(
      'Grades by document id: 0 judged irrelevant, 1 relevant, more for better; an array of ids gives each grade 1',
    )
  const aside = {
    note: text.max(LIMITS.goldenNoteChars.max).nullable().default(null),
    tags: z
      .array(tag)
      .max(LIMITS.goldenTags.max)
      .default([])
      .describe('For picking some of them out'),
  }
  const putBody = z.strictObject({ query, relevant, ...aside })
  const line = z.strictObject({
    id: goldenId,
    query,
    relevant,
    ...aside,
    source: source.default('imported'),
    retrieval_id: retrievalId.nullable().default(null),
  })
  return {
    putBody,
    createBody: putBody.extend({
      collection: collectionId,
      id: goldenId.optional().describe('Made when it is left out'),
    }),
    promoteBody: z
      .strictObject({
        collection: collectionId,
        retrieval_id: retrievalId.optional().describe('Of an answer of this process'),
        query: query.optional().describe('Needed when the retrieval is not remembered'),
        relevant,
        id: goldenId.optional().describe('The retrieval id, or made, when it is left out'),
        ...aside,
      })
      .refine(({ retrieval_id, query: given }) => (retrieval_id ?? given) !== undefined, {
        error: 'needs "retrieval_id" or "query"',
      }),
    line,
    importBody: z.union([
      z.array(line).min(1).max(goldenImport),
      z.strictObject({ golden_queries: z.array(line).min(1).max(goldenImport) }),
    ]),
  }
}

export type GoldenSchemas = ReturnType<typeof goldenSchemas>
export type PutGoldenBody = z.output<GoldenSchemas['putBody']>
export type GoldenLine = z.output<GoldenSchemas['line']>

function allRelevant(documents: readonly string[]): Record<string, number> {
  return Object.fromEntries(documents.map((document) => [document, 1]))
}

export function goldenOfLine({ retrieval_id, ...line }: GoldenLine): NewGoldenQuery {
  return { ...line, retrievalId: retrieval_id }
}

export const goldenParams = z.strictObject({ golden_query: goldenId })
export const ofCollection = z.strictObject({ collection: collectionId })
export const goldenExportQuery = ofCollection.extend({ tag: tag.optional() })

export function goldenPageQuery(limits: Limits) {
  return pageQuery(limits).extend({
    collection: collectionId,
    tag: tag.optional(),
    source: source.optional(),
  })
}

const fields = {
  id: z.string(),
  collection: z.string(),
  query: z.string(),
  relevant: z.record(z.string(), z.int()),
  note: z.string().nullable(),
  tags: z.array(z.string()),
  source: source.describe('How it came here'),
  retrieval_id: z.string().nullable().describe('Of the retrieval whose hits were judged'),
  created_at: timestamp,
  updated_at: timestamp,
}

const missing = {
  missing_documents: z
    .array(z.string())
    .describe(
      `Judged, and not in the collection now: at most ${LIMITS.goldenMissing.max} of them. The judgments are kept`,
    ),
  missing_total: z.int(),
}

export const goldenAnswer = z.strictObject(fields)
export const goldenWritten = z.strictObject({ ...fields, ...missing })
export const goldenPromoted = goldenWritten.extend({
  unjudged_documents: z
    .array(z.string())
    .describe('Documents of the hits that `relevant` does not judge; empty for a given query'),
})
export const goldenList = z.strictObject({
  golden_queries: z.array(goldenAnswer),
  next_cursor: nextCursor,
})
export const goldenImported = z.strictObject({
  imported: z.int(),
  created: z.int(),
  updated: z.int(),
  ...missing,
})
