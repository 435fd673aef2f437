import { z } from 'zod'
import { PROMPT_FORMATS } from '../../prompt/prompt.ts'
import { span } from './common.ts'
import { metadataAnswer } from './metadata.ts'

const neighbour = z.strictObject({
  id: z.string(),
  ordinal: z.int(),
  text: z.string(),
  span,
  page: z.int().nullable(),
})

const leg = z
  .strictObject({ rank: z.int(), score: z.number(), contribution: z.number() })
  .nullable()

const hit = z.strictObject({
  id: z.string(),
  document_id: z.string(),
  text: z.string(),
  title: z.string().nullable(),
  headings: z.array(z.string()),
  page: z.int().nullable(),
  ordinal: z.int().describe('Place among the chunks of the document, from 0'),
  span,
  score: z.number().describe('Higher is better; comparable within one answer only'),
  relevance: z.number().nullable().describe('Calibrated, 0 to 1; null when no reranker gave one'),
  metadata: metadataAnswer,
  before: z.array(neighbour),
  after: z.array(neighbour),
  explain: z
    .strictObject({
      dense: leg,
      lexical: leg,
      rewrite: z
        .strictObject({ lists: z.int(), contribution: z.number() })
        .nullable()
        .describe('What other wordings of the query added to the score'),
      rerank: z.strictObject({ score: z.number(), rank: z.int() }).nullable(),
    })
    .optional(),
})

const degradation = z.strictObject({
  stage: z.string(),
  reason: z.string(),
  fallback: z.string(),
  detail: z.string().optional(),
})

const prompt = z
  .looseObject({
    format: z.enum(PROMPT_FORMATS),
    tokens: z.int(),
    tokenizer: z.string(),
    prefix_hash: z.string(),
    citations: z.array(
      z.strictObject({
        n: z.int(),
        chunk_ids: z.array(z.string()),
        document_id: z.string(),
        title: z.string().nullable(),
        span,
        page: z.int().nullable(),
        pinned: z.boolean(),
      }),
    ),
    dropped: z.array(z.strictObject({ id: z.string(), reason: z.string() })),
  })
  .describe("With the provider's own fields: `messages`, and for some `system` or `documents`")

export const retrieveAnswer = z.strictObject({
  retrieval_id: z.string(),
  hits: z.array(hit),
  degraded: z
    .array(degradation)
    .describe('What is missing or weaker than asked; empty when nothing'),
  under_filled: z
    .strictObject({ returned: z.int(), wanted: z.int(), reason: z.string() })
    .nullable(),
  index: z.strictObject({ id: z.string(), space: z.string() }),
  timings_ms: z.record(z.string(), z.number()),
  usage: z.strictObject({
    embed_tokens: z.int(),
    rerank_documents: z.int(),
    generate_input_tokens: z.int().describe('Of the generator that reworded the query'),
    generate_cached_tokens: z.int(),
    generate_output_tokens: z.int(),
    cache: z.enum(['hit', 'miss']),
    query_vector_cache: z.enum(['hit', 'miss', 'unused']),
  }),
  prompt: prompt.nullable(),
})

export type RetrieveAnswer = z.infer<typeof retrieveAnswer>
