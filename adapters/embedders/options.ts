import { z } from 'zod'
import { httpUrl, secret, upstreamOptions, within } from '../options.ts'

/** Any server with OpenAI's `/embeddings`: OpenAI, vLLM, TEI, Ollama, LiteLLM, Infinity. */
export const openAiCompatibleOptions = z.strictObject({
  /** Up to and with `/v1`, as in `https://api.openai.com/v1`. */
  base_url: httpUrl,
  api_key: secret.optional(),
  model: z.string().min(1).max(256),
  /** Raise it when the server's model changes under the same name: vectors of two revisions never meet. */
  revision: z.string().min(1).max(64).default('1'),
  /** Length of the vectors; asked of the server at start when absent. */
  dimensions: z.int().min(1).max(16_000).optional(),
  /** Sends `dimensions` along, for models that can shorten their vectors. Other models refuse the field. */
  request_dimensions: z.boolean().default(false),
  query_prefix: z.string().max(2_000).default(''),
  passage_prefix: z.string().max(2_000).default(''),
  /** Scales every vector to length 1. */
  normalize: z.boolean().default(true),
  input_tokens_max: z.int().min(1).max(1_000_000).default(8_192),
  batch_items: within('embedBatchItems'),
  batch_tokens: within('embedBatchTokens'),
  batch_bytes: within('embedBatchBytes'),
  batch_window_ms: within('embedBatchWindowMs'),
  retries: within('upstreamRetries'),
  retry_wait_ms: within('upstreamRetryWaitMs'),
  response_bytes: within('upstreamResponseBytes'),
  timeout_ms: within('upstreamMs'),
  query_timeout_ms: within('upstreamQueryMs'),
  ...upstreamOptions,
})

export type OpenAiCompatibleOptions = z.input<typeof openAiCompatibleOptions>

/** Hashed terms and character 4-grams: no model, no network. Lexical likeness, not meaning. */
export const hashedOptions = z.strictObject({
  dimensions: z.int().min(64).max(4_096).default(512),
  analyzer: z.enum(['english', 'unicode', 'code']).default('english'),
})

export type HashedOptions = z.input<typeof hashedOptions>
