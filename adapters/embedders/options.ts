import { z } from 'zod'
import { modelOptions } from '../onnx/options.ts'
import { httpUrl, secret, upstreamOptions, within } from '../options.ts'
import { ENCODINGS } from './encodings.ts'
import { isMatryoshka } from './matryoshka.ts'

/** What every embedder behind a network can be told about calling it. */
const remoteOptions = {
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
}

export type RemoteOptions = z.output<z.ZodObject<typeof remoteOptions>>

/** Any server with OpenAI's `/embeddings`: OpenAI, vLLM, TEI, Ollama, LiteLLM, Infinity. */
export const openAiCompatibleOptions = z
  .strictObject({
    /** Up to and with `/v1`, as in `https://api.openai.com/v1`. */
    base_url: httpUrl,
    api_key: secret.optional(),
    model: z.string().min(1).max(256),
    /** Raise it when the server's model changes under the same name: vectors of two revisions never meet. */
    revision: z.string().min(1).max(64).default('1'),
    /** Length of the vectors; asked of the server at start when absent. */
    dimensions: z.int().min(1).max(16_000).optional(),
    /**
     * Keeps the first so many numbers of each vector and scales what is left to length 1 (Kusupati et al. 2022,
     * «Matryoshka Representation Learning»), for servers that do not shorten vectors themselves.
     */
    truncate_dimensions: z.int().min(8).max(16_000).optional(),
    /** Whether the model was trained so that its vectors may be cut; known for the common families. */
    matryoshka: z.boolean().optional(),
    /** Sends `dimensions` along, for models that can shorten their vectors. Other models refuse the field. */
    request_dimensions: z.boolean().default(false),
    query_prefix: z.string().max(2_000).default(''),
    passage_prefix: z.string().max(2_000).default(''),
    /** Scales every vector to length 1. */
    normalize: z.boolean().default(true),
    input_tokens_max: z.int().min(1).max(1_000_000).default(8_192),
    ...remoteOptions,
  })
  .refine(
    ({ truncate_dimensions: kept, dimensions }) =>
      kept === undefined || dimensions === undefined || kept < dimensions,
    { path: ['truncate_dimensions'], error: 'must be less than dimensions' },
  )
  .refine(
    ({ truncate_dimensions: kept, model, matryoshka }) =>
      kept === undefined || (matryoshka ?? isMatryoshka(model)),
    {
      path: ['truncate_dimensions'],
      error:
        'is only for models whose vectors may be cut, and this one is not known as such: if its model card says so, set matryoshka to true',
    },
  )

export type OpenAiCompatibleOptions = z.input<typeof openAiCompatibleOptions>

/** Of Cohere's `/v2/embed`. */
const COHERE_TEXTS_MAX = 96

/** A hosted model in one of the shapes that the vendors' own endpoints have, and in the encodings that they offer. */
export const httpEmbedderOptions = z
  .strictObject({
    shape: z.enum(['cohere', 'voyage', 'jina']),
    /** The whole address, such as `https://api.cohere.com/v2/embed`. */
    url: httpUrl,
    api_key: secret.optional(),
    model: z.string().min(1).max(256),
    /** Raise it when the server's model changes under the same name: vectors of two revisions never meet. */
    revision: z.string().min(1).max(64).default('1'),
    /** Length of the vectors; asked of the server at start when absent. */
    dimensions: z.int().min(8).max(16_000).optional(),
    /** Sends `dimensions` along, for models that offer several lengths. Other models refuse the field. */
    request_dimensions: z.boolean().default(false),
    /**
     * How vectors travel, and so how exact they are: `base64` and `float` are whole; int8 and uint8 keep 8 bits of each
     * number, binary and ubinary its sign. Whichever it is, the catalog keeps float32, and the space says what it was.
     */
    encoding: z.enum(ENCODINGS).default('base64'),
    /** Has the server cut a text that is too long, where it would otherwise refuse it. */
    truncate: z.boolean().default(true),
    input_tokens_max: z.int().min(1).max(1_000_000).default(8_192),
    ...remoteOptions,
  })
  .refine(({ shape, encoding }) => shape !== 'jina' || !encoding.endsWith('int8'), {
    path: ['encoding'],
    error: 'int8 and uint8 are not offered by this shape',
  })
  .refine(({ shape, batch_items }) => shape !== 'cohere' || batch_items <= COHERE_TEXTS_MAX, {
    path: ['batch_items'],
    error: `this shape takes at most ${COHERE_TEXTS_MAX} texts a call`,
  })

export type HttpEmbedderOptions = z.input<typeof httpEmbedderOptions>

/** Hashed terms and character 4-grams: no model, no network. Lexical likeness, not meaning. */
export const hashedOptions = z.strictObject({
  dimensions: z.int().min(64).max(4_096).default(512),
  analyzer: z.enum(['english', 'unicode', 'code']).default('english'),
})

export type HashedOptions = z.input<typeof hashedOptions>

/** A static embedding model: the one that ships with the package, or one of your own. */
export const staticOptions = z.strictObject({
  /** Path of a file made by `tools/distil`; the shipped model for English when absent. */
  model: z.string().min(1).optional(),
})

export type StaticOptions = z.input<typeof staticOptions>

/** A transformer from a local folder. Absent options are read from the model's own files, or from its family's profile. */
export const onnxEmbedderOptions = z.strictObject({
  ...modelOptions,
  /** Names the model in embedding spaces; the folder's name when absent. */
  model: z.string().min(1).max(256).optional(),
  pooling: z.enum(['mean', 'cls', 'last']).optional(),
  /** Scales every vector to length 1. */
  normalize: z.boolean().optional(),
  query_prefix: z.string().max(2_000).optional(),
  passage_prefix: z.string().max(2_000).optional(),
  batch_texts: within('onnxBatchTexts'),
})

export type OnnxEmbedderOptions = z.input<typeof onnxEmbedderOptions>
