import { z } from 'zod'
import { httpUrl, secret, upstreamOptions, within } from '../options.ts'

/** A reranking model behind HTTP, in one of the four shapes that servers answer in. */
export const httpRerankerOptions = z.strictObject({
  /**
   * `cohere`: `results[].relevance_score` (Cohere, Jina, vLLM, Infinity, LiteLLM); `voyage`: `data[].relevance_score`;
   * `tei`: a bare array of `score`; `nim`: `rankings[].logit`.
   */
  shape: z.enum(['cohere', 'voyage', 'tei', 'nim']),
  /** The whole address, such as `https://api.cohere.com/v2/rerank`. */
  url: httpUrl,
  api_key: secret.optional(),
  model: z.string().min(1).max(256),
  /** Whether scores are comparable between queries, so that `min_relevance` may apply to them. */
  calibrated: z.boolean().default(true),
  documents_max: within('rerankDocuments'),
  response_bytes: within('rerankResponseBytes'),
  timeout_ms: within('upstreamQueryMs'),
  ...upstreamOptions,
})

export type HttpRerankerOptions = z.input<typeof httpRerankerOptions>

/** The built-in reranker: rarity-weighted coverage and nearness of the query's terms. */
export const proximityOptions = z.strictObject({
  coverage_weight: z.number().min(0).max(10).default(0.3),
  proximity_weight: z.number().min(0).max(10).default(0.3),
  /** Words that two neighbouring query terms may be apart. */
  window: z.int().min(1).max(100).default(8),
})

export type ProximityOptions = z.input<typeof proximityOptions>
