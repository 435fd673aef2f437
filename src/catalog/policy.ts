import { z } from 'zod'
import { LIMITS } from '../core/limits.ts'

const within = (limit: { min: number; max: number }) => z.int().min(limit.min).max(limit.max)

const algorithm = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('auto') }),
  z.strictObject({ kind: z.literal('flat') }),
  z.strictObject({
    kind: z.literal('hnsw'),
    m: z.int().min(2).max(100).default(16),
    efConstruction: z.int().min(4).max(1000).default(128),
    efSearch: z.int().min(1).max(1000).default(100),
    quantization: z.enum(['none', 'int8']).optional(),
  }),
  z.strictObject({
    kind: z.literal('ivf_flat'),
    lists: z.int().min(1).max(32_768).default(100),
    probes: z.int().min(1).max(32_768).default(10),
  }),
  z.strictObject({
    kind: z.literal('ivf_pq'),
    lists: z.int().min(1).max(16_384).optional(),
    subvectors: z.int().min(1).max(1024).optional(),
    bits: z.union([z.literal(4), z.literal(8)]).default(4),
    probes: z.int().min(1).max(16_384).optional(),
  }),
])

const boost = z
  .number()
  .min(0)
  .max(64)
  .multipleOf(1 / 16)

export const EXPANSION_METHODS = ['multi_query', 'hyde'] as const
/** One passage is what fits a query's budget; of wordings a few cost hardly more than one. */
export const EXPANSION_QUERIES = { multi_query: LIMITS.expansionQueries.default, hyde: 1 } as const
/** Not fitted: so that rewordings which all miss the point never outvote the question that was asked. */
export const EXPANSION_WEIGHT = 0.5

/** How a collection chunks, embeds, searches, fuses, reranks and prompts. Kept in the catalog as JSON. */
export const collectionPolicySchema = z.strictObject({
  /** Key of the config's `embedders`. */
  embedder: z.string().min(1).max(64),
  /** Key of the config's `stores`. */
  store: z.string().min(1).max(64).default('local'),
  algorithm: algorithm.default({ kind: 'auto' }),
  chunker: z
    .strictObject({
      tokensMax: within(LIMITS.chunkTokens).default(LIMITS.chunkTokens.default),
      overlapTokens: within(LIMITS.chunkOverlapTokens).default(LIMITS.chunkOverlapTokens.default),
    })
    .prefault({}),
  lexical: z
    .strictObject({
      analyzer: z.enum(['english', 'unicode', 'code']).default('english'),
      k1: z.number().min(0).max(10).default(1.2),
      b: z.number().min(0).max(1).default(0.6),
      /** How much a word counts in the title, in the headings and in the text; without them all count alike. */
      boosts: z.strictObject({ title: boost, headings: boost, body: boost }).optional(),
    })
    .prefault({}),
  /** A generator situates each chunk in its document before it is indexed (Anthropic's contextual retrieval); null: none. */
  enrichment: z
    .strictObject({
      /** Key of the config's `generators`. */
      generator: z.string().min(1).max(64),
      tokensMax: within(LIMITS.enrichmentTokens).default(LIMITS.enrichmentTokens.default),
      documentTokensMax: within(LIMITS.enrichmentDocumentTokens).default(
        LIMITS.enrichmentDocumentTokens.default,
      ),
      /**
       * When the generator has failed for good: `fail` leaves the document as it was and buries the work, `plain`
       * indexes the chunk without a context and counts it in the document's `chunks_without_context`.
       */
      onFailure: z.enum(['fail', 'plain']).default('fail'),
    })
    .nullable()
    .default(null),
  /** A generator rewords each query while it is searched as it stands; null: none. */
  queryExpansion: z
    .strictObject({
      method: z.enum(EXPANSION_METHODS),
      /** Key of the config's `generators`. */
      generator: z.string().min(1).max(64),
      /** Wordings, or hypothetical passages, that are asked for; when absent 3 of the former, 1 of the latter. */
      queries: within(LIMITS.expansionQueries).optional(),
      /** What all of them together weigh in fusion, with the query as it stands as 1. */
      weight: z.number().min(0.01).max(1).default(EXPANSION_WEIGHT),
    })
    .nullable()
    .default(null),
  candidates: within(LIMITS.candidates).default(LIMITS.candidates.default),
  fusion: z
    .strictObject({
      method: z.enum(['rrf', 'convex']).default('convex'),
      k: z.int().min(1).max(1_000).default(60),
      /** Null: the embedder's suggested dense weight against 1 for the lexical leg. */
      weights: z
        .strictObject({ dense: z.number().min(0).max(100), lexical: z.number().min(0).max(100) })
        .nullable()
        .default(null),
    })
    .prefault({}),
  rerank: z
    .strictObject({
      /** Key of the config's `rerankers`; null for none. */
      model: z.string().min(1).max(64).nullable().default('late-interaction'),
      depth: within(LIMITS.rerankDepth).default(LIMITS.rerankDepth.default),
    })
    .prefault({}),
  prompt: z
    .strictObject({
      system: z.string().max(20_000).nullable().default(null),
      instruction: z.string().max(20_000).nullable().default(null),
    })
    .prefault({}),
})

export type CollectionPolicy = z.infer<typeof collectionPolicySchema>
