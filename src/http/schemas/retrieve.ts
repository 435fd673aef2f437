import { z } from 'zod'
import { EXPANSION_METHODS } from '../../catalog/policy.ts'
import { LIMITS, type Limits } from '../../core/limits.ts'
import { PROMPT_FORMATS } from '../../prompt/prompt.ts'
import { collectionId, documentId, text, utf8Bytes, within } from './common.ts'
import { filterGroup } from './filter.ts'

const name = z.string().min(1).max(64)
const weight = z.number().min(0).max(100)

const fusion = z.strictObject({
  method: z.enum(['rrf', 'convex']).optional(),
  k: z.int().min(1).max(1_000).optional(),
  weights: z
    .strictObject({ dense: weight, lexical: weight })
    .refine(({ dense, lexical }) => dense + lexical > 0, { error: 'must not both be 0' })
    .optional(),
})

/** A retrieval, with the defaults and bounds in force. */
export function retrieveSchema(limits: Limits) {
  const query = text
    .refine((value) => value.trim() !== '', { error: 'is empty' })
    .refine((value) => utf8Bytes(value) <= limits.queryBytes, {
      error: `is longer than ${limits.queryBytes} bytes of UTF-8`,
    })
  const prompt = z.strictObject({
    template: name.default('default'),
    format: z.enum(PROMPT_FORMATS).default('openai'),
    max_tokens: within(LIMITS.promptTokens).default(limits.promptTokens),
    pinned: z.array(documentId).max(LIMITS.pinnedDocuments.max).default([]),
    order: z.enum(['relevance', 'document', 'edges']).default('relevance'),
  })
  const neighbours = z.int().min(0).max(limits.expandChunks).default(0)
  return z.strictObject({
    collection: collectionId,
    query: query.describe('What to look for'),
    top_k: within(LIMITS.topK).default(limits.topK),
    candidates: within(LIMITS.candidates).optional(),
    mode: z.enum(['hybrid', 'dense', 'lexical']).default('hybrid'),
    filter: filterGroup.optional(),
    fusion: fusion.optional(),
    rerank: z
      .strictObject({ model: name.optional(), depth: within(LIMITS.rerankDepth).optional() })
      .nullable()
      .optional()
      .describe('Null: no reranking, whatever the policy says'),
    query_expansion: z
      .strictObject({
        method: z.enum(EXPANSION_METHODS).optional(),
        generator: name.optional(),
        queries: within(LIMITS.expansionQueries).optional(),
        weight: z.number().min(0.01).max(1).optional(),
      })
      .nullable()
      .optional()
      .describe('Over the policy’s own; null: the query is not reworded, whatever the policy says'),
    mmr: z.strictObject({ lambda: z.number().min(0).max(1) }).optional(),
    group_by: z
      .strictObject({
        field: text.min(1).max(LIMITS.metadataKeyChars.max),
        size: within(LIMITS.groupSize).default(limits.groupSize),
      })
      .optional(),
    expand: z
      .strictObject({
        before: neighbours,
        after: neighbours,
      })
      .optional(),
    dedupe: z.boolean().default(true).describe('Drop near-duplicates of a better hit'),
    min_relevance: z.number().min(0).max(1).optional(),
    min_version: z
      .string()
      .max(128)
      .optional()
      .describe('`version` of a write: wait for it inside the budget, or answer `degraded: stale`'),
    budget_ms: within(LIMITS.budgetMs).default(limits.budgetMs),
    on_degraded: z.enum(['partial', 'fail']).default('partial'),
    require: z
      .array(z.enum(['dense', 'lexical', 'rerank', 'fresh']))
      .max(4)
      .default([]),
    explain: z.boolean().default(false),
    prompt: prompt.optional(),
  })
}

export type RetrieveBody = z.output<ReturnType<typeof retrieveSchema>>
