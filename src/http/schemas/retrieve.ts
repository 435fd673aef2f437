import { z } from 'zod'
import { LIMITS } from '../../core/limits.ts'
import { PROMPT_FORMATS } from '../../prompt/prompt.ts'
import { collectionId, documentId, text, utf8Bytes, within } from './common.ts'
import { filterGroup } from './filter.ts'

const name = z.string().min(1).max(64)
const weight = z.number().min(0).max(100)

const query = text
  .refine((value) => value.trim() !== '', { error: 'is empty' })
  .refine((value) => utf8Bytes(value) <= LIMITS.queryBytes.default, {
    error: `is longer than ${LIMITS.queryBytes.default} bytes of UTF-8`,
  })

const fusion = z.strictObject({
  method: z.enum(['rrf', 'convex']).optional(),
  k: z.int().min(1).max(1_000).optional(),
  weights: z
    .strictObject({ dense: weight, lexical: weight })
    .refine(({ dense, lexical }) => dense + lexical > 0, { error: 'must not both be 0' })
    .optional(),
})

const prompt = z.strictObject({
  template: name.default('default'),
  format: z.enum(PROMPT_FORMATS).default('openai'),
  max_tokens: within(LIMITS.promptTokens).default(LIMITS.promptTokens.default),
  pinned: z.array(documentId).max(LIMITS.pinnedDocuments.max).default([]),
  order: z.enum(['relevance', 'document', 'edges']).default('relevance'),
})

export const retrieveBody = z.strictObject({
  collection: collectionId,
  query: query.describe('What to look for'),
  top_k: within(LIMITS.topK).default(LIMITS.topK.default),
  candidates: within(LIMITS.candidates).optional(),
  mode: z.enum(['hybrid', 'dense', 'lexical']).default('hybrid'),
  filter: filterGroup.optional(),
  fusion: fusion.optional(),
  rerank: z
    .strictObject({ model: name.optional(), depth: within(LIMITS.rerankDepth).optional() })
    .nullable()
    .optional()
    .describe('Null: no reranking, whatever the policy says'),
  mmr: z.strictObject({ lambda: z.number().min(0).max(1) }).optional(),
  group_by: z
    .strictObject({
      field: text.min(1).max(LIMITS.metadataKeyChars.max),
      size: within(LIMITS.groupSize).default(LIMITS.groupSize.default),
    })
    .optional(),
  expand: z
    .strictObject({
      before: within(LIMITS.expandChunks).default(LIMITS.expandChunks.default),
      after: within(LIMITS.expandChunks).default(LIMITS.expandChunks.default),
    })
    .optional(),
  dedupe: z.boolean().default(true).describe('Drop near-duplicates of a better hit'),
  min_relevance: z.number().min(0).max(1).optional(),
  min_version: z
    .string()
    .max(128)
    .optional()
    .describe('`version` of a write: wait for it inside the budget, or answer `degraded: stale`'),
  budget_ms: within(LIMITS.budgetMs).optional(),
  on_degraded: z.enum(['partial', 'fail']).default('partial'),
  require: z
    .array(z.enum(['dense', 'lexical', 'rerank', 'fresh']))
    .max(4)
    .default([]),
  explain: z.boolean().default(false),
  prompt: prompt.optional(),
})

export type RetrieveBody = z.output<typeof retrieveBody>
