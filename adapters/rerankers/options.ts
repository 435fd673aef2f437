import { z } from 'zod'
import { modelOptions } from '../onnx/options.ts'
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

/** Its weights are fitted, and fit no better for being set by hand. */
export const lexicalOptions = z.strictObject({})

export const lateInteractionOptions = z.strictObject({
  /** Path of a file made by `tools/distil`; the shipped model for English when absent. */
  model: z.string().min(1).optional(),
})

export type LateInteractionOptions = z.input<typeof lateInteractionOptions>

/** A cross-encoder or a ColBERT-style model from a local folder. */
export const onnxRerankerOptions = z.strictObject({
  ...modelOptions,
  /** Names the model in answers and messages; the folder's name when absent. */
  model: z.string().min(1).max(256).optional(),
  batch_pairs: within('onnxBatchPairs'),
})

export type OnnxRerankerOptions = z.input<typeof onnxRerankerOptions>
